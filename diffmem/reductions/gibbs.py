"""The posterior as one differentiable operation on one query: batched by vmap, tangents in closed form.

Derivatives, covariances and single weights take energies as differences from that of the leader j. With delta_i =
(y_i - y_j)/sigma and r = (x - alpha y_j)/sigma,

    E_j - E_i = alpha <delta_i, r - alpha delta_i / 2> + log w_i - log w_j.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..arithmetic import along_live, dot, minus_product, moves, refined
from .base import AbstractReduction, Posterior, over_chunks
from .centres import AbstractCentres, Chunk
from .energies import indistinct
from .plan import difference_rows
from .sums import LOWEST

DOUBLE = 2.0**-53  # rounding unit of the energies
CAP = 40.0  # nats: cap on the exponent of a centre without weight, whose derivative may be as large as a float holds
FAR = {4: 1e15, 8: 1e100}  # sigma: cap on a coordinate of a difference of centres, at which nothing is left of a weight


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def posterior(reduction: AbstractReduction, centres: AbstractCentres, x: Float[Array, "d"], alpha, sigma) -> Posterior:
    """`reduction.posterior` at one flat query, with derivatives of every order in all that is a float."""
    found = _batched(reduction.posterior)(centres, x[None], alpha[None], sigma[None])
    return jax.tree.map(lambda leaf: leaf[0], found)


def _batched(whole):
    """`whole(centres, x, alpha, sigma)` of a batch of queries, which vmap makes longer: under a plain vmap every
    conditional on the batch would run all its branches. Queries of different centres are done in turn.
    """
    function = jax.custom_batching.custom_vmap(whole)

    @function.def_vmap
    def _(size, batched, centres, *queries):
        if any(jax.tree.leaves(batched[0])):
            axes = jax.tree.map(lambda many: 0 if many else None, tuple(batched))
            out = jax.vmap(jax.custom_batching.sequential_vmap(function), axes, axis_size=size)(centres, *queries)
        else:
            full = [part if many else jnp.repeat(part[None], size, axis=0) for part, many in zip(queries, batched[1:])]
            out = function(centres, *(part.reshape(-1, *part.shape[2:]) for part in full))
            out = jax.tree.map(lambda leaf: leaf.reshape(size, -1, *leaf.shape[1:]), out)
        return out, jax.tree.map(lambda _: True, out)

    return function


def _posterior_jvp(reduction, primals, tangents):
    """Tangents of the averages by one more pass in differences from the leader; of log p by the averages themselves."""
    centres, x, alpha, sigma = primals
    out = posterior(reduction, *primals)
    again = lambda *moved: averages(reduction, *moved, out.leader)  # noqa: E731
    tangent = along_live(again, primals, tangents)
    if not moves(tangents[1]):
        return out, tangent
    # the slope of log Z in x is exact, and needs no pass
    of_others = lambda c, a, s: again(c, x, a, s).log_prob  # noqa: E731
    still = along_live(of_others, (centres, alpha, sigma), (tangents[0], *tangents[2:]))
    inverse = jnp.where(sigma == 0, 0, 1 / jnp.where(sigma == 0, 1, sigma))
    slope = jnp.sum((out.displacement * inverse) * (tangents[1] * inverse))
    return out, tangent._replace(log_prob=slope if still is None else still + slope)


posterior.defjvp(_posterior_jvp, symbolic_zeros=True)


def averages(
    reduction: AbstractReduction, centres: AbstractCentres, x, alpha, sigma, leader: Int[Array, ""]
) -> Posterior:
    """The posterior in plain JAX, by differences delta_i = (y_i - y_j)/unit from the leader j:

    with g_i = E_j - E_i, the sums `Z = sum e^g_i`, `M1 = sum e^g_i delta_i`, `M2 = sum e^g_i |delta_i|^2`,
    `U = sum e^g_i g_i` and `P = sum e^(2 g_i)`.
    """
    anchor = anchored(centres, x, alpha, sigma, leader)
    rows, unit = min(reduction.rows(centres.n, centres.d), difference_rows(centres.d)), centres.unit

    def terms(e, log_e, delta):
        squares = jnp.sum(delta * delta, axis=1)
        moved = jnp.sum(e[:, None] * delta, axis=0)
        return jnp.sum(e), moved, jnp.sum(e * squares), jnp.sum(e * log_e), jnp.sum(e * e)

    Z, M1, M2, U, P = _sums(reduction, centres, anchor, anchor.offset, rows, terms)
    m = M1 / Z
    return Posterior(
        log_prob=-jnp.sum((anchor.away * anchor.scale) ** 2) / 2 + anchor.log_weight + jnp.log(Z),
        mean=centres.centre + unit * (anchor.offset + m),
        displacement=unit * (alpha * m - anchor.away),
        entropy=jnp.log(Z) - U / Z,
        participation=Z * Z / P,
        leader=leader,
        leader_weight=1 / Z,
        spread=unit * (unit * (M2 / Z - jnp.sum(m * m))),
        discarded=jnp.zeros_like(Z),
    )


def _sums(reduction: AbstractReduction, centres: AbstractCentres, anchor, origin, rows: int, terms):
    """The sum over chunks of `terms(e, log e, delta)`, with delta_i = (y_i - origin)/unit."""
    add = lambda one, other, *_: jax.tree.map(jnp.add, one, other)  # noqa: E731

    def of_part(part, anchor, origin):
        found = lambda chunk: terms(*ratios(anchor, chunk), chunk.offsets - origin[None])  # noqa: E731
        zero = jax.tree.map(jnp.zeros_like, jax.eval_shape(lambda: found(part.span(0, 1))))
        return over_chunks(part, rows, found, add, zero)

    return reduction.fold(of_part, add, centres, anchor, origin)


def weight_at(reduction: AbstractReduction, centres: AbstractCentres, x, alpha, sigma, index: Int[Array, ""]):
    """The weight of centre number `index`."""
    found = posterior(reduction, centres, x, alpha, sigma)
    anchor = anchored(centres, x, alpha, sigma, found.leader)
    return found.leader_weight * ratios(anchor, centres.take(index[None]))[0][0]


def heaviest(reduction: AbstractReduction, centres: AbstractCentres, x, alpha, sigma, k: int):
    """Indices and weights of the k heaviest centres, heaviest first, ties in the order of the points."""
    leader = posterior(reduction, centres, x, alpha, sigma).leader
    anchor = anchored(centres, x, alpha, sigma, leader)
    rows = reduction.rows(centres.n, centres.d)

    def best(one, other, *_):
        e, index = jnp.concatenate([one[0], other[0]]), jnp.concatenate([one[1], other[1]])
        top, where = jax.lax.top_k(e, k)
        return top, index[where], one[2] + other[2]

    def of_part(part, anchor):
        nothing = jnp.full(k, -1, x.dtype), jnp.zeros(k, jnp.int32), jnp.zeros_like(anchor.sigma)

        def found(chunk):
            e = ratios(anchor, chunk)[0]
            # a centre without weight comes after all others, and before an empty place or one seen before
            return jnp.where(chunk.numbers >= 0, e, -1), chunk.numbers, jnp.sum(e)

        return best(nothing, over_chunks(part, rows, found, best, nothing))

    # normalised by the sum of this pass, so that all weights add up to 1
    e, index, Z = reduction.fold(of_part, best, centres, anchor)
    return index, e / Z


def covariance(reduction: AbstractReduction, centres: AbstractCentres, x, alpha, sigma) -> Float[Array, "d d"]:
    """`sum_i p_i (y_i - D)(y_i - D)^T`; memory rows x d for a query on top of the result."""
    found = posterior(reduction, centres, x, alpha, sigma)
    anchor = anchored(centres, x, alpha, sigma, found.leader)
    # D, rounded; what rounding makes of it is taken off at the end
    near = (found.mean - centres.centre) / centres.unit
    rows = min(reduction.rows(centres.n, centres.d), max(x.size, 64))

    def terms(e, log_e, delta):
        weighted = e[:, None] * delta
        return jnp.sum(e), jnp.sum(weighted, axis=0), dot(weighted.T, delta)

    Z, M1, M2 = _sums(reduction, centres, anchor, near, rows, terms)
    missed = M1 / Z
    return centres.unit * (centres.unit * (M2 / Z - missed[:, None] * missed[None]))


class Anchor(NamedTuple):
    """A query seen from one centre y_j, in units of the offsets."""

    x: Float[Array, "d"]
    alpha: Float[Array, ""]
    sigma: Float[Array, ""]
    """The unit of the offsets at sigma = 0."""
    clean: Bool[Array, ""]
    centre: Float[Array, "d"]
    unit: Float[Array, ""]
    scale: Float[Array, ""]
    """unit / sigma."""
    offset: Float[Array, "d"]
    log_weight: Float[Array, ""]
    away: Float[Array, "d"]
    """(x - alpha y_j) / unit."""


def anchored(centres: AbstractCentres, x, alpha, sigma, j: Int[Array, ""]) -> Anchor:
    """The query seen from centre number j."""
    chunk = centres.take(j[None])
    offset, centre, unit = chunk.offsets[0], centres.centre, centres.unit
    clean = sigma == 0
    length = jnp.where(clean, unit, sigma)
    away = separation(x, alpha, centre, unit, offset)
    return Anchor(x, alpha, length, clean, centre, unit, ratio(unit, length), offset, chunk.log_weights[0], away)


def ratios(anchor: Anchor, chunk: Chunk) -> tuple[Float[Array, "rows"], Float[Array, "rows"]]:
    """e^(E_j - E_i) and its logarithm (0 where a weight is 0) for each centre i of a chunk; a centre without weight has
    e = 0 with the derivative that its weight deserves.
    """
    far = FAR[chunk.offsets.dtype.itemsize]
    delta = jnp.clip((chunk.offsets - anchor.offset[None]) * anchor.scale, -far, far)
    g = gaps(anchor, chunk.offsets, delta)
    # what ties at sigma = 0 is what ties in the pass, by products for single precision
    distance, seen = (jnp.sqrt(jnp.sum(v * v)) for v in (anchor.away, anchor.away + anchor.alpha * anchor.offset))
    near = indistinct(distance, seen, DOUBLE, chunk.offsets.dtype == jnp.float32)
    tied = jnp.where(jax.lax.stop_gradient(g) >= -near, 0, LOWEST)
    g = jnp.where(anchor.clean, jax.lax.stop_gradient(tied), jnp.maximum(g, LOWEST))
    bare = jnp.isneginf(chunk.log_weights)
    log_e = g + jnp.where(bare, 0, chunk.log_weights) - anchor.log_weight
    e = jnp.exp(jnp.minimum(log_e, CAP))
    return jnp.where(bare, e * chunk.weights, e), jnp.where(bare, 0, log_e)


def gaps(anchor: Anchor, offsets: Float[Array, "rows d"], delta: Float[Array, "rows d"]) -> Float[Array, "rows"]:
    """`|x - alpha y_j|^2 / (2 sigma^2) - |x - alpha y_i|^2 / (2 sigma^2) = alpha <delta_i, r - alpha delta_i / 2>`, by
    differences in double precision from the centres themselves, which delta and r are rounded from.
    """

    def exact(delta, r, a, offsets, o, x, c, u, s):
        return plain((offsets - o[None]) * (u / s), (minus_product(x, a, c) / u - a * o) * (u / s), a)

    def plain(delta, r, a, *_):
        return a * jnp.sum(delta * (r[None] - a / 2 * delta), axis=1)

    r, exactly = anchor.away * anchor.scale, (anchor.offset, anchor.x, anchor.centre, anchor.unit, anchor.sigma)
    return refined(exact, plain, delta, r, anchor.alpha, offsets, *exactly)


def separation(x, alpha, centre, unit, offset):
    """`(x - alpha (centre + unit offset)) / unit`, rounded once."""
    exact = lambda x, a, c, u, o: minus_product(x, a, c) / u - a * o  # noqa: E731
    return refined(exact, lambda x, a, c, u, o: x / u - a * (c / u + o), x, alpha, centre, unit, offset)


@jax.custom_jvp
def ratio(unit: Float[Array, ""], sigma: Float[Array, ""]) -> Float[Array, ""]:
    """`unit / sigma`, with a slope that does not square sigma."""
    return jnp.minimum(unit / sigma, jnp.finfo(sigma.dtype).max)


@ratio.defjvp
def _ratio_jvp(primals, tangents):
    found = ratio(*primals)
    return found, tangents[0] / primals[1] - found * (tangents[1] / primals[1])
