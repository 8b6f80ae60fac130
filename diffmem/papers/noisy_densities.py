"""Densities of laws at noisy points, and what they say of the posterior weight of the point under the noise."""

import math

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from ..level import NoiseLevel
from ..scores import AbstractDensity


@eqx.filter_jit
def log_densities(
    law: AbstractDensity, x0: Float[Array, "m d"], z: Float[Array, "m d"], levels: NoiseLevel
) -> Float[Array, "levels m"]:
    """log p of a law at alpha x_0 + sigma z, in nats; `levels` holds alpha and sigma of several levels as arrays."""

    def at(level):
        x = level.alpha * x0 + level.sigma * z
        return jax.vmap(lambda x: law.log_prob(x, level))(x)

    return jax.lax.map(at, levels)


def own_weights(
    log_p: Float[ArrayLike, "levels m"], z: Float[ArrayLike, "m d"], sigma: Float[np.ndarray, " levels"], n: int
) -> Float[np.ndarray, " levels"]:
    """Mean over queries of the weight of the point that the query is a noisy copy of, `p(x|y_i)/(n p(x))`.

    `log_p` is the log-density of n equally weighted points at x = alpha y_i + sigma z.
    """
    z = np.asarray(z, np.float64)
    log_norm = z.shape[1] / 2 * np.log(2 * math.pi * sigma**2)
    log_kernel = -np.sum(z**2, axis=1) / 2 - log_norm[:, None]
    return np.exp(log_kernel - math.log(n) - np.asarray(log_p, np.float64)).mean(axis=1)
