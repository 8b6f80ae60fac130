"""The posterior as one differentiable operation on one query: batched by vmap, tangents in closed form."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float, Int

from ..arithmetic import dot
from .base import AbstractReduction, AnyCentres, over_chunks
from .differences import anchored, moves, ratios
from .posterior import Posterior

DIFFERENCES = 1 << 15  # coordinates of differences that a derivative holds for each query


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def posterior(reduction: AbstractReduction, centres: AnyCentres, x: Float[Array, "d"], alpha, sigma) -> Posterior:
    """`reduction.posterior` at one flat query, with derivatives of every order in all that is a float."""
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
            rows = queries[0].shape[-2]
            out = function(centres, *(_longer(part, many, size, rows) for part, many in zip(queries, batched[1:])))
            out = jax.tree.map(lambda leaf: leaf.reshape(size, -1, *leaf.shape[1:]), out)
        return out, jax.tree.map(lambda _: True, out)

    return function


def _longer(part, many: bool, size: int, rows: int):
    """One batch from `size` batches of `rows` queries; a level that all queries share stays one number."""
    if not many and part.shape == (1,):
        return part
    full = part if many else part[None]
    # a level that was shared within each of the batches is one number for each of them
    full = jnp.broadcast_to(full, (size, rows, *full.shape[2:]))
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
    still = along_live(
        lambda c, a, s: again(c, x, a, s).log_prob, (centres, alpha, sigma), (tangents[0], *tangents[2:])
    )
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
    # each query has differences of its own: as many as a chunk of that size holds
    rows, unit = min(reduction.rows(centres.n, centres.d), max(8, DIFFERENCES // centres.d)), centres.unit

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
    """The tangent of `function` along those tangents that are not known to be zero, each of which costs a pass."""
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


def _zero_tangent(shape):
    if jnp.issubdtype(shape.dtype, jnp.floating):
        return jnp.zeros(shape.shape, shape.dtype)
    return np.zeros(shape.shape, jax.dtypes.float0)
