"""What one centre, the k heaviest centres, or pairs of coordinates contribute: passes that follow the Gibbs average."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .base import AbstractReduction
from .centres import AnyCentres
from .gaps import dot, gaps, pull
from .gibbs import gibbs
from .stream import chunk_gaps, frame_at, gap, over_chunks


@eqx.filter_jit
def weight_at(
    reduction: AbstractReduction, centres: AnyCentres, x, alpha, sigma, index: Int[Array, ""]
) -> Float[Array, ""]:
    """The weight of centre number `index`: the leader's weight times the exponential of its gap."""
    found = gibbs(reduction, centres, x, alpha, sigma)
    view = frame_at(centres, x, alpha, sigma, *reduction.at(centres, found.leader))
    offset, log_weight = reduction.at(centres, index)
    tilt = gaps(offset[None], view.reference, view.residual, view.alpha)[0]
    return found.leader_weight * jnp.exp(gap(view, tilt, log_weight[None])[0])


@eqx.filter_jit
def heaviest(
    reduction: AbstractReduction, centres: AnyCentres, x, alpha, sigma, k: int
) -> tuple[Int[Array, "k"], Float[Array, "k"]]:
    """Indices and weights of the k heaviest centres, heaviest first, ties in the order of the points."""
    found = gibbs(reduction, centres, x, alpha, sigma)
    view = frame_at(centres, x, alpha, sigma, *reduction.at(centres, found.leader))

    rows = reduction.rows(centres.n, centres.d)

    def best_of(g, index):
        top, where = jax.lax.top_k(g, k)
        return top, index[where]

    def of_part(part, start, view):
        def keep(best, chunk):
            # a centre without weight comes after all others, and before an empty place or one seen before
            lowest = jnp.where(chunk.fresh, jnp.finfo(x.dtype).min, -jnp.inf)
            g = jnp.concatenate([best[0], jnp.maximum(chunk_gaps(view, chunk)[0], lowest)])
            return best_of(g, jnp.concatenate([best[1], chunk.index]))

        empty = jnp.full(k, -jnp.inf, x.dtype), jnp.zeros(k, int)
        g, index = over_chunks(part, rows, keep, empty)
        return g, index + start

    g, index = reduction.fold(of_part, lambda parts, view: best_of(*map(jnp.ravel, parts)), centres, view)
    return index, found.leader_weight * jnp.exp(g)


@eqx.filter_jit
def covariance_vector(
    reduction: AbstractReduction, centres: AnyCentres, x, alpha, sigma, v: Float[Array, "d"]
) -> Float[Array, "d"]:
    """`C v = sum_i w_i (y_i - D) <y_i - D, v>`, by differences to the leader."""
    found = gibbs(reduction, centres, x, alpha, sigma)
    view = frame_at(centres, x, alpha, sigma, *reduction.at(centres, found.leader))
    rows = reduction.rows(centres.n, centres.d)

    def of_part(part, _, view, leader_weight, v):
        def add(sums, chunk):
            weight = leader_weight * jnp.exp(chunk_gaps(view, chunk)[0])
            along = weight * gaps(chunk.rows, view.reference, v, jnp.zeros_like(leader_weight))[0]
            return sums[0] + pull(weight, chunk.rows, view.reference), sums[1] + pull(along, chunk.rows, view.reference)

        return over_chunks(part, rows, add, (jnp.zeros_like(v), jnp.zeros_like(v)))

    moved, turned = reduction.fold(of_part, None, centres, view, found.leader_weight, v)
    return turned - moved * jnp.sum(moved * v)


@eqx.filter_jit
def covariance(reduction: AbstractReduction, centres: AnyCentres, x, alpha, sigma) -> Float[Array, "d d"]:
    """`sum_i w_i (y_i - D)(y_i - D)^T`; memory rows x d for a query on top of the result."""
    found = gibbs(reduction, centres, x, alpha, sigma)
    view = frame_at(centres, x, alpha, sigma, *reduction.at(centres, found.leader))
    d = x.size
    rows = min(reduction.rows(centres.n, centres.d), max(d, 64))

    def of_part(part, _, view, leader_weight, mean):
        def add(total, chunk):
            weight = leader_weight * jnp.exp(chunk_gaps(view, chunk)[0])
            delta = chunk.rows - mean[None]
            return total + dot(delta.T, weight[:, None] * delta)

        return over_chunks(part, rows, add, jnp.zeros((d, d), x.dtype))

    return reduction.fold(of_part, None, centres, view, found.leader_weight, found.mean)
