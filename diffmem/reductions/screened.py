"""The certified reduction: centres that cannot matter are never touched, and what they could hold is reported."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

from .base import AbstractReduction, Gibbs
from .batches import alone, in_pieces, redone
from .centres import Centres
from .chunked import Chunked
from .gaps import dot
from .prepare import screen_of
from .rounding import gamma, unit_of
from .screen import WIDTH, Bounds, Screen, bounds
from .stream import Sums, conclude, frame, gap

BUCKETS = (8, 64, 256)  # blocks with a survivor, and half the number of survivors, for which code is compiled
WORTH = 64  # a survivor costs as much as this many centres in the exact pass
USUAL = 0.75  # share of a batch for which the screen must do; the others are computed exactly
ENTRIES = 1 << 24  # bounds held at a time
GATHERED = 1 << 23  # coordinates of survivors held at a time


class Screened(AbstractReduction):
    """Energies are bounded in a few principal coordinates, and only centres that can matter are looked at.

    A centre is left out where its bound is below `tolerance / (2 n)` of the best centre's weight; the others are summed
    as gaps to the leader. `Posterior.discarded` bounds the mass left out and the effect of rounding on the weights, for
    the query at hand, whether or not it comes from the forward process. Queries that do not reach the tolerance are
    computed by `Chunked`, a quarter of the batch at a time or, where they are most of it, all at once. Above a noise
    level, found beforehand by trial on forward samples of the points themselves, the screen is not tried: this decides
    speed only.

    `tolerance` is a total variation of the weights. Cost: n r products a query (r = 64 or 256 by level), not 2 n d.
    Preparation, on the host in double precision: n d m products for m = min(d, 512) axes, once; memory about
    n (r + 20) numbers for each r. Points given inside jit are not known beforehand, and `Chunked` does it all.
    Raises ValueError unless 0 < tolerance < 1.
    """

    tolerance: float = eqx.field(static=True, default=1e-6)

    def __check_init__(self):
        if not 0 < self.tolerance < 1:
            raise ValueError(f"`tolerance` must be between 0 and 1, but is {self.tolerance}.")

    def prepare(self, centres: Centres) -> Screen | None:
        """The centres' shadows; nothing for centres that are not known yet (inside jit), where every pass is exact."""
        if isinstance(centres.offsets, jax.core.Tracer):
            return None
        return screen_of(centres, math.log(self.tolerance / 2 / centres.n), 2 * buckets(centres.n)[-1])

    def rows(self, n: int, d: int) -> int:
        """Those of `Chunked`."""
        return Chunked().rows(n, d)

    def gibbs(self, centres: Centres, x, alpha, sigma) -> Gibbs:
        """A batch of one, which vmap makes longer."""
        if centres.index is None:
            return Chunked().gibbs(centres, x, alpha, sigma)
        return alone(self._batch, centres, x, alpha, sigma)

    def _batch(self, centres: Centres, x, alpha, sigma) -> Gibbs:
        return in_pieces(self._piece, max(1, ENTRIES // centres.n), centres, x, alpha, sigma)

    def _piece(self, centres: Centres, x, alpha, sigma) -> Gibbs:
        screen = centres.index
        usual = jnp.sort(sigma / alpha)[int(USUAL * (len(x) - 1))]
        rank = jnp.sum(usual > screen.reach)
        kinds = jax.eval_shape(dense, centres, x, alpha, sigma)
        none = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), kinds)
        none = none._replace(discarded=jnp.full(len(x), jnp.inf, x.dtype))
        found = jax.lax.cond(
            rank < len(screen.shadows),
            lambda: self._screened(rank, centres, x, alpha, sigma, none),
            lambda: none,
        )
        unmet = ~(found.discarded <= self.tolerance)
        return redone(unmet, lambda i: dense(centres, x[i], alpha[i], sigma[i]), found)

    def _screened(self, rank, centres: Centres, x, alpha, sigma, none: Gibbs) -> Gibbs:
        """The averages over survivors; nothing is found where most queries have more than there is room for."""
        tries = [lambda k=k: bounds(centres, k, x, alpha, sigma) for k in range(len(centres.index.shadows))]
        found = jax.lax.switch(rank, tries)
        alive = jnp.sum(found.largest >= self._threshold(centres.n, found.scale)[:, None], axis=1)
        usual = jnp.sort(alive)[int(USUAL * (len(x) - 1))]
        sizes = buckets(centres.n)
        sums = [lambda size=size: self._survivors(size, centres, x, alpha, sigma, found) for size in sizes]
        return jax.lax.switch(jnp.sum(usual > jnp.asarray(sizes)), [*sums, lambda: none])

    def _threshold(self, n: int, scale):
        """The bound, in units of 1/scale, below which n centres together hold less than half the tolerance."""
        return jnp.log(self.tolerance / 2 / n) / scale

    def _survivors(self, size: int, centres: Centres, x, alpha, sigma, found: Bounds) -> Gibbs:
        """The averages over the centres above the threshold, at most 2 size of them in `size` blocks."""
        threshold = self._threshold(centres.n, found.scale)
        index, kept, overflow = survivors(found, threshold, size, centres.n)
        # everything else lies below the threshold
        rest = jnp.minimum(jnp.exp(found.scale * threshold), 1)
        missed = centres.n * rest / (1 + centres.n * rest)
        batch = max(1, min(len(x), GATHERED // (index.shape[1] * centres.d)))
        out, blur = jax.lax.map(lambda query: _among(centres, *query), (x, alpha, sigma, index, kept), batch_size=batch)
        return out._replace(discarded=jnp.where(overflow, jnp.inf, missed + blur))


def survivors(found: Bounds, threshold, size: int, n: int):
    """Numbers of up to 2 size centres above the threshold in the `size` best blocks, which of the numbers count, and
    whether there may be more.
    """
    most, blocks = 2 * size, min(size, found.largest.shape[1])
    block = jax.lax.top_k(found.largest, blocks)[1]
    upper = jnp.take_along_axis(found.upper, block[:, :, None], axis=1).reshape(len(block), -1)
    count = min(most, upper.shape[1])
    upper, place = jax.lax.top_k(upper, count)
    index = jnp.take_along_axis(block, place // WIDTH, axis=1) * WIDTH + place % WIDTH
    above = ~(upper < threshold[:, None])  # NaN is above
    index, below = jnp.minimum(index, n - 1).astype(int), index < n
    return index, above & below, jnp.all(above, axis=1) & (count < n)


def buckets(n: int) -> list[int]:
    """The sizes that are worth it among n centres."""
    return [size for size in BUCKETS if 2 * size * WORTH <= n] or [BUCKETS[0]]


def dense(centres: Centres, x, alpha, sigma) -> Gibbs:
    """The exact pass for a batch."""
    return jax.vmap(Chunked().gibbs, (None, 0, 0, 0))(centres, x, alpha, sigma)


def _among(centres: Centres, x, alpha, sigma, index: Int[Array, "k"], kept: Bool[Array, "k"]):
    """The averages over the kept ones of some centres, and a bound on the total variation that rounding causes."""
    rows, log_weights = centres.offsets[index], jnp.where(kept, centres.log_weights[index], -jnp.inf)

    def seen_from(number):
        view = frame(centres, x, alpha, sigma, number)
        delta = rows - view.reference[None]
        tilt = jnp.sum(delta * (view.residual[None] - view.alpha * delta / 2), axis=1)
        return view, delta, gap(view, tilt, log_weights)

    first = seen_from(index[0])[2]
    leader = index[jnp.argmax(first)]
    view, delta, g = seen_from(leader)
    square = jnp.sum(delta**2, axis=1)
    top = jnp.max(g)
    weight = jnp.exp(g - top)
    sums = Sums(
        top=top,
        mass=jnp.sum(weight),
        heat=jnp.sum(jnp.where(weight > 0, weight * jnp.where(weight > 0, g - top, 0), 0)),
        purity=jnp.sum(weight**2),
        pull=dot(weight, delta),
        square=jnp.sum(weight * square),
        best=top,
        leader=index[jnp.argmax(g)],
    )
    unit = unit_of(x)
    length = jnp.sqrt(square)
    reach = length * (jnp.sqrt(jnp.sum(view.residual**2)) + view.alpha * length)
    error = gamma(centres.d + 16, unit) * (view.alpha / view.sigma * reach / view.sigma + jnp.abs(g))
    # the logarithms of unequal weights are rounded themselves
    heavy = jnp.maximum(-log_weights, 0) - jnp.minimum(view.log_weight, 0)
    error = error + jnp.where(log_weights == view.log_weight, 0, gamma(4, unit) * (1 + heavy))
    # an exact copy of the leader shares its energy to the last bit: its error is 0 where its weight is the same
    moved = jnp.where(g > -jnp.inf, jnp.exp(g - top + error) - weight, 0)
    return conclude(view, sums), jnp.sum(moved) / sums.mass
