"""The Gibbs average as one differentiable, indivisible operation: primal by the chosen reduction, tangents in closed
form.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float, Int

from .base import AbstractReduction, Gibbs
from .centres import AnyCentres
from .stream import conclude, frame_at, joined, total


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def gibbs(
    reduction: AbstractReduction,
    centres: AnyCentres,
    x: Float[Array, "d"],
    alpha: Float[Array, ""],
    sigma: Float[Array, ""],
) -> Gibbs:
    """`reduction.gibbs`, with derivatives in x, alpha, sigma and the centres of every order.

    The barrier keeps the pass whole: a step and its observer that ask for the same point and level compile to one pass.
    """
    return jax.lax.optimization_barrier(reduction.gibbs(centres, x, alpha, sigma))


def _gibbs_jvp(reduction, primals, tangents):
    """Tangents of the averages by one more streaming pass; of log Z by the averages themselves.

    `d log Z = <disp, dx> / sigma^2 - (<disp, D> + alpha tr C) d alpha / sigma^2 + (|disp|^2 + alpha^2 tr C) d sigma /
    sigma^3`.
    """
    centres, x, alpha, sigma = primals
    out = gibbs(reduction, centres, x, alpha, sigma)

    def again(centres, x, alpha, sigma):
        return averages(reduction, centres, x, alpha, sigma, out.leader)

    tangent = along_live(again, primals, tangents)
    log_partition = along_live(lambda c: again(c, x, alpha, sigma).log_partition, (centres,), tangents[:1])
    log_partition = log_partition + _slope(centres, out, alpha, sigma, *tangents[1:])
    return out, tangent._replace(log_partition=log_partition)


gibbs.defjvp(_gibbs_jvp, symbolic_zeros=True)


def averages(reduction: AbstractReduction, centres: AnyCentres, x, alpha, sigma, reference: Int[Array, ""]) -> Gibbs:
    """The Gibbs average in plain JAX, with gaps to centre number `reference`, over the parts of the reduction."""
    rows = reduction.rows(centres.n, centres.d)
    view = frame_at(centres, x, alpha, sigma, *reduction.at(centres, reference))

    def of_part(part, start, view):
        sums = total(view, part, rows)
        return sums._replace(leader=sums.leader + start)

    return conclude(view, reduction.fold(of_part, lambda parts, view: joined(parts), centres, view))


def _slope(centres, out, alpha, sigma, x_t, alpha_t, sigma_t):
    """The derivative of log Z along (x, alpha, sigma); 0 at sigma = 0, where log Z is infinite."""
    clean = sigma == 0
    inverse = jnp.where(clean, 0, 1 / jnp.where(clean, 1, sigma))
    slope = jnp.zeros_like(sigma)
    if type(x_t) is not SymbolicZero:
        slope = slope + jnp.sum(out.displacement * inverse * x_t) * inverse
    if type(alpha_t) is not SymbolicZero:
        mean = centres.centre + out.mean
        slope = slope - (jnp.sum(out.displacement * mean) + alpha * out.spread) * inverse * inverse * alpha_t
    if type(sigma_t) is not SymbolicZero:
        squared = jnp.sum(out.displacement**2) + alpha**2 * out.spread
        slope = slope + squared * inverse * inverse * inverse * sigma_t
    return slope


def along_live(function, primals, tangents):
    """The tangent of `function` along those tangents that are not known to be zero (each of those would cost a
    product).
    """
    leaves, tree = jax.tree.flatten(primals)
    slopes = jax.tree.leaves(tangents, is_leaf=lambda leaf: type(leaf) is SymbolicZero)
    live = [i for i, slope in enumerate(slopes) if type(slope) is not SymbolicZero]

    def of_live(*moving):
        full = list(leaves)
        for i, value in zip(live, moving):
            full[i] = value
        return function(*jax.tree.unflatten(tree, full))

    if not live:
        shapes = jax.eval_shape(of_live)
        return jax.tree.map(_zero_tangent, shapes)
    return jax.jvp(of_live, [leaves[i] for i in live], [slopes[i] for i in live])[1]


def _zero_tangent(shape):
    if jnp.issubdtype(shape.dtype, jnp.floating):
        return jnp.zeros(shape.shape, shape.dtype)
    return np.zeros(shape.shape, jax.dtypes.float0)
