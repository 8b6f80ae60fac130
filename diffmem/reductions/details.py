"""What one centre, the k heaviest centres, or pairs of coordinates contribute: passes that follow the Gibbs average."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .base import AbstractReduction
from .centres import Centres
from .gaps import dot, gaps
from .gibbs import gibbs
from .stream import chunk_gaps, frame, gap, over_chunks


@eqx.filter_jit
def weight_at(
    reduction: AbstractReduction, centres: Centres, x, alpha, sigma, index: Int[Array, ""]
) -> Float[Array, ""]:
    """The weight of centre number `index`: the leader's weight times the exponential of its gap."""
    found = gibbs(reduction, centres, x, alpha, sigma)
    view = frame(centres, x, alpha, sigma, found.leader)
    cross, square = gaps(centres.offsets[index][None], view.reference, view.residual)
    return found.leader_weight * jnp.exp(gap(view, cross, square, centres.log_weights[index][None])[0])


@eqx.filter_jit
def heaviest(
    reduction: AbstractReduction, centres: Centres, x, alpha, sigma, k: int
) -> tuple[Int[Array, "k"], Float[Array, "k"]]:
    """Indices and weights of the k heaviest centres, heaviest first, ties in the order of the points."""
    found = gibbs(reduction, centres, x, alpha, sigma)
    view = frame(centres, x, alpha, sigma, found.leader)

    def keep(best, chunk):
        g = jnp.concatenate([best[0], chunk_gaps(view, chunk)[0]])
        index = jnp.concatenate([best[1], chunk.index])
        top, where = jax.lax.top_k(g, k)
        return top, index[where]

    empty = jnp.full(k, -jnp.inf, x.dtype), jnp.zeros(k, int)
    g, index = over_chunks(centres, reduction.rows(*centres.offsets.shape), keep, empty)
    return index, found.leader_weight * jnp.exp(g)


@eqx.filter_jit
def covariance(reduction: AbstractReduction, centres: Centres, x, alpha, sigma) -> Float[Array, "d d"]:
    """`sum_i w_i (y_i - D)(y_i - D)^T`; memory rows x d for a query on top of the result."""
    found = gibbs(reduction, centres, x, alpha, sigma)
    view = frame(centres, x, alpha, sigma, found.leader)

    def add(total, chunk):
        weight = found.leader_weight * jnp.exp(chunk_gaps(view, chunk)[0])
        delta = chunk.rows - found.mean[None]
        return total + dot(delta.T, weight[:, None] * delta)

    d = x.size
    return over_chunks(
        centres, min(reduction.rows(*centres.offsets.shape), max(d, 64)), add, jnp.zeros((d, d), x.dtype)
    )
