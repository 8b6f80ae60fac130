"""The posterior as one differentiable operation on one query: batched by vmap, tangents in closed form."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Bool, Float, Int

from .arithmetic import dot, doubled
from .base import AbstractReduction, AnyCentres, over_chunks
from .centres import Chunk
from .energies import TIED
from .posterior import Posterior
from .sums import LOWEST

DOUBLE = 2.0**-53  # rounding unit of the energies
CAP = 80.0  # nats: cap on the exponent of a centre without weight, whose derivative may be as large as a float holds
FAR = {4: 1e15, 8: 1e100}  # sigma: cap on a coordinate of a difference of centres, at which nothing is left of a weight


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def posterior(reduction: AbstractReduction, centres: AnyCentres, x: Float[Array, "d"], alpha, sigma) -> Posterior:
    """`reduction.posterior` at one flat query, with derivatives of every order in x, alpha, sigma, points and weights."""
    found = _batched(reduction.posterior)(centres, x[None], alpha[None], sigma[None])
    return jax.tree.map(lambda leaf: leaf[0], found)


def _batched(whole):
    """`whole(centres, x, alpha, sigma)` of a batch of queries, for which vmap makes the batch longer.

    Under a plain vmap every conditional on the batch would run all its branches. Queries of different centres are done
    in turn.
    """
    function = jax.custom_batching.custom_vmap(whole)

    @function.def_vmap
    def _(size, batched, centres, *queries):
        if any(jax.tree.leaves(batched[0])):

            def one(i):
                picked = jax.tree.map(lambda leaf, many: leaf[i] if many else leaf, (centres, *queries), tuple(batched))
                return function(*picked)

            out = jax.lax.map(one, jnp.arange(size))
        else:
            out = function(centres, *(_longer(part, many, size) for part, many in zip(queries, batched[1:])))
            out = jax.tree.map(lambda leaf: leaf.reshape(size, -1, *leaf.shape[1:]), out)
        return out, jax.tree.map(lambda _: True, out)

    return function


def _longer(part, many: bool, size: int):
    """One batch from `size` of them; a level that all queries share stays one number."""
    if not many and part.shape == (1,):
        return part
    full = part if many else jnp.broadcast_to(part, (size, *part.shape))
    return full.reshape(-1, *full.shape[2:])


def _posterior_jvp(reduction, primals, tangents):
    """Tangents of the averages by one more pass in differences from the leader; of log p by the averages themselves."""
    centres, x, alpha, sigma = primals
    out = posterior(reduction, *primals)
    again = lambda *moved: averages(reduction, *moved, out.leader)  # noqa: E731
    tangent = along_live(again, primals, tangents)
    if not moves(tangents[1]):
        return out, tangent
    # the slope of log Z in x is exact, and needs no pass
    still = along_live(lambda c, a, s: again(c, x, a, s).log_prob, (centres, alpha, sigma), (tangents[0], *tangents[2:]))
    inverse = jnp.where(sigma == 0, 0, 1 / jnp.where(sigma == 0, 1, sigma))
    slope = jnp.sum((out.displacement * inverse) * (tangents[1] * inverse))
    return out, tangent._replace(log_prob=still + slope)


posterior.defjvp(_posterior_jvp, symbolic_zeros=True)


def averages(reduction: AbstractReduction, centres: AnyCentres, x, alpha, sigma, leader: Int[Array, ""]) -> Posterior:
    """The posterior in plain JAX, by differences delta_i = (y_i - y_j)/unit from the leader j:

    with g_i = E_j - E_i, the sums `Z = sum e^g_i`, `M1 = sum e^g_i delta_i`, `M2 = sum e^g_i |delta_i|^2`,
    `U = sum e^g_i g_i` and `P = sum e^(2 g_i)`.
    """
    anchor = anchored(reduction, centres, x, alpha, sigma, leader)
    rows, unit = reduction.rows(centres.n, centres.d), centres.unit

    def of_part(part, start, anchor):
        def add(sums, chunk, numbers):
            e, log_e = ratios(anchor, chunk)
            delta = chunk.offsets - anchor.offset[None]
            squares = jnp.sum(delta * delta, axis=1)
            moved = jnp.sum(e[:, None] * delta, axis=0)
            found = jnp.sum(e), moved, jnp.sum(e * squares), jnp.sum(e * log_e), jnp.sum(e * e)
            return jax.tree.map(jnp.add, sums, found)

        zero = jnp.zeros_like(sigma)
        return over_chunks(part, rows, add, (zero, jnp.zeros_like(x), zero, zero, zero))

    Z, M1, M2, U, P = reduction.fold(of_part, summed, centres, anchor)
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


class Anchor(NamedTuple):
    """A query seen from one centre y_j, in units of the offsets."""

    x: Float[Array, "d"]
    alpha: Float[Array, ""]
    sigma: Float[Array, ""]
    """The unit of the offsets at sigma = 0."""
    clean: Bool[Array, ""]
    """Whether sigma = 0."""
    centre: Float[Array, "d"]
    unit: Float[Array, ""]
    scale: Float[Array, ""]
    """unit / sigma."""
    offset: Float[Array, "d"]
    log_weight: Float[Array, ""]
    away: Float[Array, "d"]
    """(x - alpha y_j) / unit."""


def anchored(reduction: AbstractReduction, centres: AnyCentres, x, alpha, sigma, j: Int[Array, ""]) -> Anchor:
    """The query seen from centre number j."""
    chunk = reduction.at(centres, j)
    offset, centre, unit = chunk.offsets[0], centres.centre, centres.unit
    clean = sigma == 0
    length = jnp.where(clean, unit, sigma)
    away = separation(x, alpha, centre, unit, offset)
    return Anchor(x, alpha, length, clean, centre, unit, ratio(unit, length), offset, chunk.log_weights[0], away)


def ratios(anchor: Anchor, chunk: Chunk) -> tuple[Float[Array, "rows"], Float[Array, "rows"]]:
    """e^(E_j - E_i) and its logarithm (0 where a weight is 0) for each centre i of a chunk.

    A centre without weight has e = 0 with the derivative that its weight deserves. Centres so far that nothing of them
    is left are moved to a distance whose square a float holds.
    """
    far = FAR[chunk.offsets.dtype.itemsize]
    delta = jnp.clip((chunk.offsets - anchor.offset[None]) * anchor.scale, -far, far)
    g = gaps(delta, anchor.away * anchor.scale, anchor.alpha, chunk.offsets, anchor)
    # what ties at sigma = 0 is what ties in the pass
    length = jnp.sqrt(jnp.sum(anchor.away**2))
    if chunk.offsets.dtype == jnp.float32:
        length = length + jnp.sqrt(jnp.sum((anchor.away + anchor.alpha * anchor.offset) ** 2))
    tied = jnp.where(jax.lax.stop_gradient(g) >= -TIED * DOUBLE * length * length, 0, LOWEST)
    g = jnp.where(anchor.clean, jax.lax.stop_gradient(tied), jnp.maximum(g, LOWEST))
    bare = jnp.isneginf(chunk.log_weights)
    log_e = g + jnp.where(bare, 0, chunk.log_weights) - anchor.log_weight
    e = jnp.exp(jnp.minimum(log_e, CAP))
    return jnp.where(bare, e * chunk.weights, e), jnp.where(bare, 0, log_e)


@jax.custom_jvp
def gaps(delta: Float[Array, "rows d"], away: Float[Array, "d"], alpha, offsets, anchor: Anchor) -> Float[Array, "rows"]:
    """`|x - alpha y_j|^2 / (2 sigma^2) - |x - alpha y_i|^2 / (2 sigma^2) = alpha <delta_i, away - alpha delta_i / 2>`,

    by differences in double precision from the centres themselves, which delta and away are rounded from.
    """
    with jax.enable_x64(True):
        rows, reference, x, a, c, u, s = doubled(
            offsets, anchor.offset, anchor.x, anchor.alpha, anchor.centre, anchor.unit, anchor.sigma
        )
        r = ((x - a * c) / u - a * reference) * (u / s)
        between = (rows - reference[None]) * (u / s)
        return (a * jnp.sum(between * (r[None] - a / 2 * between), axis=1)).astype(delta.dtype)


def _gaps_jvp(primals, tangents):
    delta, away, alpha, *_ = primals
    delta_t, away_t, alpha_t, *_ = tangents
    slope = jnp.zeros_like(delta[:, 0])
    if moves(away_t):
        slope = slope + alpha * jnp.sum(delta * away_t[None], axis=1)
    if moves(alpha_t):
        slope = slope + alpha_t * jnp.sum(delta * (away[None] - alpha * delta), axis=1)
    if moves(delta_t):
        slope = slope + alpha * jnp.sum(delta_t * (away[None] - alpha * delta), axis=1)
    return gaps(*primals), slope


gaps.defjvp(_gaps_jvp, symbolic_zeros=True)


@jax.custom_jvp
def ratio(unit: Float[Array, ""], sigma: Float[Array, ""]) -> Float[Array, ""]:
    """`unit / sigma`, with a slope that does not square sigma."""
    return jnp.minimum(unit / sigma, jnp.finfo(sigma.dtype).max)


@ratio.defjvp
def _ratio_jvp(primals, tangents):
    found = ratio(*primals)
    return found, tangents[0] / primals[1] - found * (tangents[1] / primals[1])


@jax.custom_jvp
def separation(x, alpha, centre, unit, offset):
    """`(x - alpha (centre + unit offset)) / unit`, rounded once."""
    with jax.enable_x64(True):
        point, a, c, u, o = doubled(x, alpha, centre, unit, offset)
        return ((point - a * c) / u - a * o).astype(x.dtype)


@separation.defjvp
def _separation_jvp(primals, tangents):
    (x, alpha, centre, unit, offset), (x_t, alpha_t, _, _, offset_t) = primals, tangents
    return separation(*primals), (x_t - alpha_t * centre) / unit - alpha_t * offset - alpha * offset_t


def weight_at(reduction: AbstractReduction, centres: AnyCentres, x, alpha, sigma, index: Int[Array, ""]):
    """The weight of centre number `index`."""
    found = posterior(reduction, centres, x, alpha, sigma)
    anchor = anchored(reduction, centres, x, alpha, sigma, found.leader)
    return found.leader_weight * ratios(anchor, reduction.at(centres, index))[0][0]


def heaviest(reduction: AbstractReduction, centres: AnyCentres, x, alpha, sigma, k: int):
    """Indices and weights of the k heaviest centres, heaviest first, ties in the order of the points."""
    leader = posterior(reduction, centres, x, alpha, sigma).leader
    anchor = anchored(reduction, centres, x, alpha, sigma, leader)
    rows = reduction.rows(centres.n, centres.d)

    def best_of(e, index):
        top, where = jax.lax.top_k(e, k)
        return top, index[where]

    def of_part(part, start, anchor):
        def keep(carry, chunk, numbers):
            e, index, Z = carry
            found = ratios(anchor, chunk)[0]
            # a centre without weight comes after all others, and before an empty place or one seen before
            e, index = best_of(
                jnp.concatenate([e, jnp.where(numbers >= 0, found, -1)]), jnp.concatenate([index, numbers])
            )
            return e, index, Z + jnp.sum(found)

        none = jnp.full(k, -1, x.dtype), jnp.zeros(k, jnp.int32), jnp.zeros_like(sigma)
        e, index, Z = over_chunks(part, rows, keep, none)
        return e, index + start, Z

    def join(parts, anchor):
        e, index, Z = parts
        return *best_of(e.ravel(), index.ravel()), jnp.sum(Z)

    e, index, Z = reduction.fold(of_part, join, centres, anchor)
    return index, e / Z


def covariance(reduction: AbstractReduction, centres: AnyCentres, x, alpha, sigma) -> Float[Array, "d d"]:
    """`sum_i p_i (y_i - D)(y_i - D)^T`; memory rows x d for a query on top of the result."""
    found = posterior(reduction, centres, x, alpha, sigma)
    anchor = anchored(reduction, centres, x, alpha, sigma, found.leader)
    d = x.size
    # D seen from the leader; what rounding makes of it is taken off at the end
    near = (found.mean - centres.centre) / centres.unit - anchor.offset
    rows = min(reduction.rows(centres.n, centres.d), max(d, 64))

    def of_part(part, start, anchor, near):
        def add(sums, chunk, numbers):
            e = ratios(anchor, chunk)[0]
            delta = chunk.offsets - anchor.offset[None] - near[None]
            weighted = e[:, None] * delta
            return jax.tree.map(jnp.add, sums, (jnp.sum(e), jnp.sum(weighted, axis=0), dot(weighted.T, delta)))

        return over_chunks(part, rows, add, (jnp.zeros_like(sigma), jnp.zeros_like(x), jnp.zeros((d, d), x.dtype)))

    Z, M1, M2 = reduction.fold(of_part, summed, centres, anchor, near)
    missed = M1 / Z
    return centres.unit * (centres.unit * (M2 / Z - missed[:, None] * missed[None]))


def summed(stacked, *_):
    """The sum over parts."""
    return jax.tree.map(lambda leaf: jnp.sum(leaf, axis=0), stacked)


def along_live(function, primals, tangents):
    """The tangent of `function` along those tangents that are not known to be zero (each of those would cost a pass)."""
    leaves, tree = jax.tree.flatten(primals)
    slopes = jax.tree.leaves(tangents, is_leaf=lambda leaf: type(leaf) is SymbolicZero)
    live = [i for i, slope in enumerate(slopes) if moves(slope)]

    def of_live(*moving):
        full = list(leaves)
        for i, value in zip(live, moving):
            full[i] = value
        return function(*jax.tree.unflatten(tree, full))

    if not live:
        return jax.tree.map(_zero_tangent, jax.eval_shape(of_live))
    return jax.jvp(of_live, [leaves[i] for i in live], [slopes[i] for i in live])[1]


def moves(tangent) -> bool:
    """Whether a tangent is not known to be zero."""
    return type(tangent) is not SymbolicZero


def _zero_tangent(shape):
    if jnp.issubdtype(shape.dtype, jnp.floating):
        return jnp.zeros(shape.shape, shape.dtype)
    return np.zeros(shape.shape, jax.dtypes.float0)
