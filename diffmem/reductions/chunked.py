"""The streaming reduction: matrix products for the many, differences for the few that carry the weight."""

import math
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .base import AbstractReduction, Gibbs
from .batches import alone
from .centres import AnyCentres, residual
from .gaps import dot
from .leaders import SLOTS, Leaders, admit, no_leaders
from .rounding import unit_of
from .stream import Sums, conclude, floored, frame, gap, nearest, over_chunks, settled

LOW_DIMENSION = (
    32  # up to here differences cost no more than a matrix product, and hundreds of centres may matter at small noise
)
CHUNK_BYTES = 6_400_000  # of centres at a time: larger ones leave the caches, smaller ones the second core
MOST_ROWS = 4096
NEGLIGIBLE = 8.0  # nats below the rounding unit (per centre) at which a centre cannot matter
REFINE = 64  # expected rounding of a product energy, in units of the rounding unit, above which leaders are refined
# the same times the mass outside the leaders, above which the query is done again by differences: where many centres
# share the weight the total variation was at most .16 of it, for Gaussian points and images of 64 to 12,288 coordinates
TOLERATED = 1024
WRONG = 50.0  # nats by which a logit says nothing any more
SPREAD = 512  # participation above which the leaders that there is room for hold less than a third of the weight
LOWEST = -1000.0  # nats at which a weight is 0 in every precision


class Chunked(AbstractReduction):
    """Energies by matrix product over chunks of centres; every centre that can matter is refined as a gap to the
    leader.

    Where the products' rounding is expected to stay below 64 u (u: the rounding unit) they are used as they are.
    Elsewhere leaders are all centres within `log n - log u + 8` nats, plus twice the bound of the rounding, of the
    best. While so many centres share the weight that the buffer of 64 could hold little of it, none is looked for.
    Where the rounding of what is known by products alone may reach 1e-5 in total variation, the query is computed again
    by differences.
    Memory: batch x chunk plus the leaders. `size` is the number of centres in a chunk (default: 6.4 MB of them).
    """

    size: int | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        if self.size is not None and self.size < 1:
            raise ValueError(f"`size` must be at least 1, but is {self.size}.")

    def rows(self, n: int, d: int) -> int:
        """The chunk."""
        return min(n, self.size or min(MOST_ROWS, max(1, CHUNK_BYTES // (4 * d))))

    def gibbs(self, centres: AnyCentres, x, alpha, sigma) -> Gibbs:
        """By differences in low dimension, by products and refinement otherwise."""
        rows = self.rows(centres.n, centres.d)
        if centres.d <= LOW_DIMENSION:
            return settled(centres, x, alpha, sigma, nearest(centres, x, alpha, sigma, rows), rows)
        return alone(partial(product_gibbs, rows=rows), centres, x, alpha, sigma)


def product_gibbs(centres: AnyCentres, x: Float[Array, "batch d"], alpha, sigma, *, rows: int) -> Gibbs:
    """Gibbs averages of a batch by products over chunks of `rows`; leaders refined, differences where that fails."""
    scan = product_pass(centres, x, alpha, sigma, rows)
    found, doubtful = jax.vmap(refine, (None, 0, 0, 0, 0))(centres, x, alpha, sigma, scan)

    def again(query):
        doubtful, x, alpha, sigma, found = query
        return jax.lax.cond(doubtful, lambda: settled(centres, x, alpha, sigma, found.leader, rows), lambda: found)

    queries = doubtful, x, alpha, sigma, found
    return jax.lax.cond(jnp.any(doubtful), lambda: jax.lax.map(again, queries), lambda: found)


class Scan(NamedTuple):
    """The outcome of the product pass: sums over all centres relative to the largest logit, and the leaders."""

    top: Float[Array, ""]
    mass: Float[Array, ""]
    heat: Float[Array, ""]
    purity: Float[Array, ""]
    pull: Float[Array, "d"]
    """sum of e^(l - top) offsets."""
    square: Float[Array, ""]
    """sum of e^(l - top) |offsets|^2."""
    leaders: Leaders
    threshold: Float[Array, ""]
    """Logit above which every centre is among the leaders while they have room, and below which none need be."""
    blind: Bool[Array, ""]
    """Whether centres that can matter lie below the threshold, as many shared the weight when they passed."""
    rounding: Float[Array, ""]
    """Expected rounding of a logit, in nats."""


def product_pass(centres: AnyCentres, x: Float[Array, "batch d"], alpha, sigma, rows: int) -> Scan:
    """Logits `(alpha <x, y_i> - alpha^2 |y_i|^2 / 2) / sigma^2 + log w_i` by products, with running sums and
    leaders, for a batch of queries.
    """
    away = jax.vmap(residual, (0, 0, None))(x, alpha, centres.centre)
    norm = jnp.sqrt(jnp.sum(away**2, axis=1))
    sigma = floored(sigma, norm + 2 * alpha * centres.radius)
    rounding, window = margins(centres, alpha, sigma, norm)
    # where products are accurate enough only the best centre is wanted
    wanted = jnp.where(rounding > REFINE * unit_of(x), window, 0)

    def absorb(carry, chunk):
        products = dot(away, chunk.rows.T)
        logits = (alpha[:, None] * products - (alpha**2)[:, None] * chunk.squares[None] / 2) / (sigma**2)[:, None]
        logits = jax.lax.optimization_barrier(jnp.where(chunk.fresh[None], logits + chunk.log_weights[None], -jnp.inf))
        largest = jnp.max(logits, axis=1)
        matters = jnp.any(largest >= carry[0] - window)

        def add(carry, logits, largest):
            top, mass, heat, purity, pull, square, blind, leaders = carry
            new = jnp.maximum(top, largest)
            shrink = jnp.where(jnp.isneginf(top), 0, jnp.exp(top - new))
            fall = jnp.where(jnp.isneginf(top), 0, top - new)
            depth = jnp.maximum(logits - jnp.where(jnp.isneginf(new), 0, new)[:, None], LOWEST)
            # stored, so that all sums share one exponential
            weight = jax.lax.optimization_barrier(jnp.exp(depth))
            mass, purity = shrink * mass + jnp.sum(weight, axis=1), shrink**2 * purity + jnp.sum(weight**2, axis=1)
            spread = (mass**2 > SPREAD * purity) & (wanted > 0)
            return (
                new,
                mass,
                shrink * (heat + fall * carry[1]) + jnp.sum(weight * depth, axis=1),
                purity,
                shrink[:, None] * pull + dot(weight, chunk.rows),
                shrink * square + dot(weight, chunk.squares),
                jnp.where(spread, jnp.maximum(blind, largest), blind),
                admit(leaders, logits, chunk.index, new - jnp.where(spread, 0, wanted)),
            )

        # a chunk in which no query has a centre that can matter costs one product only
        return jax.lax.cond(matters, add, lambda carry, logits, largest: carry, carry, logits, largest)

    zero = jnp.zeros_like(sigma)
    none = zero - jnp.inf
    start = none, zero, zero, zero, jnp.zeros_like(away), zero, none, no_leaders(len(x), x.dtype)
    *sums, blind, leaders = over_chunks(centres, rows, absorb, start)
    threshold = sums[0] - wanted
    return Scan(*sums, leaders, jnp.maximum(threshold, blind), blind >= threshold, rounding)


def margins(centres: AnyCentres, alpha, sigma, norm):
    """The expected rounding of logits by products, and how far below the best a centre still can matter, in nats."""
    unit = unit_of(norm)
    rounding = unit * alpha * centres.radius * (norm + alpha * centres.radius) / sigma / sigma
    # sequential sums of correlated terms reach a few units more than the expected rounding: 4 at d = 3072, growing as
    # sqrt d
    excess = 2 * (4 + math.sqrt(centres.d) / 8) * rounding
    return rounding, math.log(centres.n) - math.log(unit) + NEGLIGIBLE + excess


def refine(centres: AnyCentres, x, alpha, sigma, scan: Scan) -> tuple[Gibbs, Bool[Array, ""]]:
    """Leaders by gaps, the rest by products; doubtful where too much weight lies on centres known by product only."""
    order = jnp.argsort(-scan.leaders.logits)
    logits, index = scan.leaders.logits[order], scan.leaders.index[order]
    kept = logits >= jnp.minimum(scan.threshold, logits[0])
    count = jnp.sum(kept)
    first = frame(centres, x, alpha, sigma, index[0])

    def measure(k, found):
        offset, log_weight = centres.at(index[k])
        delta = offset - first.reference
        tilt = jnp.sum(delta * (first.residual - alpha * delta / 2))
        return found.at[k].set(gap(first, tilt, log_weight))

    g = upto(count, measure, jnp.full(SLOTS, -jnp.inf, x.dtype))
    best = jnp.argmax(g)
    view = frame(centres, x, alpha, sigma, index[best])
    g = g - g[best]
    weight = jnp.exp(g)

    def draw(k, sums):
        delta = centres.at(index[k])[0] - view.reference
        return sums[0] + weight[k] * delta, sums[1] + weight[k] * jnp.sum(delta**2)

    pulled, square = upto(count, draw, (jnp.zeros_like(x), jnp.zeros_like(sigma)))
    rest = remainder(centres, scan, logits, index, kept, view.reference, logits[best])
    # the products' rounding enters the weights in proportion to the mass known by product only
    mass = jnp.sum(weight) + rest.mass
    wrong = jnp.expm1(jnp.minimum(scan.rounding, WRONG)) * rest.mass
    unseen = scan.blind | (logits[-1] >= scan.threshold)
    doubtful = unseen & (wrong > TOLERATED * unit_of(x) * mass)
    doubtful = doubtful | jnp.isneginf(logits[0])
    sums = Sums(
        top=jnp.zeros_like(sigma),
        mass=mass,
        heat=jnp.sum(jnp.where(kept, weight * jnp.where(kept, g, 0), 0)) + rest.heat,
        purity=jnp.sum(weight**2) + rest.purity,
        pull=pulled + rest.pull,
        square=square + rest.square,
        best=jnp.zeros_like(sigma),
        leader=index[best],
    )
    return conclude(view, sums), doubtful


def remainder(centres: AnyCentres, scan: Scan, logits, index, kept, reference, level) -> Sums:
    """Sums over the centres that are not leaders, by subtraction, relative to the logit `level`; nothing where none
    can matter.
    """
    e = jnp.where(kept, jnp.exp(logits - scan.top), 0)

    def take(k, left):
        offset = centres.at(index[k])[0]
        return left[0] - e[k] * offset, left[1] - e[k] * jnp.sum(offset**2)

    everything = jnp.sum(kept) >= centres.weighty()
    complete = everything | (~scan.blind & (logits[-1] < scan.threshold) & (scan.threshold < scan.top))
    count = jnp.where(complete, 0, jnp.sum(kept))
    pulled, square = upto(count, take, (scan.pull, scan.square))
    mass = jnp.maximum(scan.mass - jnp.sum(e), 0)
    depth = jnp.where(kept, logits - scan.top, 0)
    heat = scan.heat - jnp.sum(e * depth)
    purity = jnp.maximum(scan.purity - jnp.sum(e**2), 0)
    lift = jnp.minimum(scan.top - level, 40)  # beyond rounding of the logits the query is doubtful and this is not used
    scale = jnp.where(complete, 0, jnp.exp(lift))
    square = jnp.maximum(square - 2 * jnp.sum(reference * pulled) + mass * jnp.sum(reference**2), 0)
    return Sums(
        top=jnp.zeros_like(level),
        mass=scale * mass,
        heat=scale * (heat + lift * mass),
        purity=scale**2 * purity,
        pull=scale * (pulled - mass * reference),
        square=scale * square,
        best=jnp.zeros_like(level),
        leader=index[0],
    )


def upto(count, body, initial):
    """`fori_loop` whose count may depend on data."""
    return jax.lax.while_loop(
        lambda carry: carry[0] < count,
        lambda carry: (carry[0] + 1, body(carry[0], carry[1])),
        (jnp.zeros_like(count), initial),
    )[1]
