"""How sharp the log-density of a prompt is where it differs from that of everything."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...annotations import Numbers, RandomKey
from ...level import NoiseLevel, float_dtype, strong
from ...processes import AbstractProcess
from ...scores import AbstractScore
from ...scores.combined import branches_of


def score_difference(score: AbstractScore, x: Float[Array, "*shape"], level: NoiseLevel) -> Float[Array, "*shape"]:
    """`s_c - s_u`, the conditional less the unconditional score, at one state and a level of sigma > 0."""
    found = branches_of(score.evaluate(x, level))
    difference = found.unconditional.noise - found.conditional.noise
    return difference / strong(level.sigma, difference.dtype)


@eqx.filter_jit
def curvature(
    score: AbstractScore,
    starts: Numbers,
    process: AbstractProcess,
    times: Numbers,
    key: RandomKey | None = None,
) -> Float[Array, "count"]:
    """`|H s|^2` at each start, with `s = s_c - s_u` and H its Jacobian, the difference of the Hessians of log p.

    Larger where the prompt narrows the density: for exact scores of mixtures
    `H s = (alpha^2/sigma^4) (C_c - C_u) s`, C the posterior covariances, and a prompt of one point has `C_c = 0`.

    `score` is guided and must have derivatives (`scores.FromHost` has none); `starts` (count, *shape) are states at
    times[0]; nothing is drawn from `key`. Cost: one derivative of both branches along s, two to three evaluations of
    them, and another evaluation for s. Source: Jeon et al., arXiv:2412.04140.
    """
    starts = strong(starts, float_dtype(starts))
    level = process.level(jnp.asarray(times)[0])

    def one(x):
        difference = lambda x: score_difference(score, x, level)  # noqa: E731
        return jnp.sum(jax.jvp(difference, (x,), (difference(x).astype(x.dtype),))[1] ** 2)

    return jax.vmap(one)(starts)
