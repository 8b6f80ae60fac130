"""What one centre, the k heaviest centres, or pairs of coordinates contribute: passes that follow the Gibbs average."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .base import AbstractReduction
from .centres import AnyCentres
from .gaps import dot, gaps, pull
from .gibbs import gibbs
from .stream import chunk_gaps, frame, gap, over_chunks


@eqx.filter_jit
def weight_at(
    reduction: AbstractReduction, centres: AnyCentres, x, alpha, sigma, index: Int[Array, ""]
) -> Float[Array, ""]:
    """The weight of centre number `index`: the leader's weight times the exponential of its gap."""
    found = gibbs(reduction, centres, x, alpha, sigma)
    view = frame(centres, x, alpha, sigma, found.leader)
    offset, log_weight = centres.at(index)
    tilt = gaps(offset[None], view.reference, view.residual, view.alpha)[0]
    return found.leader_weight * jnp.exp(gap(view, tilt, log_weight[None])[0])


@eqx.filter_jit
def heaviest(
    reduction: AbstractReduction, centres: AnyCentres, x, alpha, sigma, k: int
) -> tuple[Int[Array, "k"], Float[Array, "k"]]:
    """Indices and weights of the k heaviest centres, heaviest first, ties in the order of the points."""
    found = gibbs(reduction, centres, x, alpha, sigma)
    view = frame(centres, x, alpha, sigma, found.leader)

    def keep(best, chunk):
        # a centre without weight comes after all others, and before an empty place or one seen before
        lowest = jnp.where(chunk.fresh, jnp.finfo(x.dtype).min, -jnp.inf)
        g = jnp.concatenate([best[0], jnp.maximum(chunk_gaps(view, chunk)[0], lowest)])
        index = jnp.concatenate([best[1], chunk.index])
        top, where = jax.lax.top_k(g, k)
        return top, index[where]

    empty = jnp.full(k, -jnp.inf, x.dtype), jnp.zeros(k, int)
    g, index = over_chunks(centres, reduction.rows(centres.n, centres.d), keep, empty)
    return index, found.leader_weight * jnp.exp(g)


@eqx.filter_jit
def covariance_vector(
    reduction: AbstractReduction, centres: AnyCentres, x, alpha, sigma, v: Float[Array, "d"]
) -> Float[Array, "d"]:
    """`C v = sum_i w_i (y_i - D) <y_i - D, v>`, by differences to the leader."""
    found = gibbs(reduction, centres, x, alpha, sigma)
    view = frame(centres, x, alpha, sigma, found.leader)
    zero = jnp.zeros_like(alpha)

    def add(sums, chunk):
        weight = found.leader_weight * jnp.exp(chunk_gaps(view, chunk)[0])
        along = weight * gaps(chunk.rows, view.reference, v, zero)[0]
        return sums[0] + pull(weight, chunk.rows, view.reference), sums[1] + pull(along, chunk.rows, view.reference)

    start = jnp.zeros_like(v), jnp.zeros_like(v)
    moved, turned = over_chunks(centres, reduction.rows(centres.n, centres.d), add, start)
    return turned - moved * jnp.sum(moved * v)


@eqx.filter_jit
def covariance(reduction: AbstractReduction, centres: AnyCentres, x, alpha, sigma) -> Float[Array, "d d"]:
    """`sum_i w_i (y_i - D)(y_i - D)^T`; memory rows x d for a query on top of the result."""
    found = gibbs(reduction, centres, x, alpha, sigma)
    view = frame(centres, x, alpha, sigma, found.leader)

    def add(total, chunk):
        weight = found.leader_weight * jnp.exp(chunk_gaps(view, chunk)[0])
        delta = chunk.rows - found.mean[None]
        return total + dot(delta.T, weight[:, None] * delta)

    d = x.size
    return over_chunks(centres, min(reduction.rows(centres.n, centres.d), max(d, 64)), add, jnp.zeros((d, d), x.dtype))
