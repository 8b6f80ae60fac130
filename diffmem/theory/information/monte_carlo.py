"""Mutual information of any law with a known noisy density (mixtures, networks with likelihoods), by sampling."""

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from ...level import NoiseLevel, cast_level, float_dtype, strong
from ..estimate import Estimate, mean_estimate

LogDensity = Callable[[Float[Array, "*shape"], NoiseLevel], Float[Array, ""]]
"""log p(x) of the noisy data at a level, for one point x; the method `log_prob` of a density in `scores` is one."""

BATCH = 64  # draws evaluated together: enough for matrix products to be fast, few enough for memory


def information_density(
    log_prob: LogDensity, x0: Float[ArrayLike, "*shape"], level: NoiseLevel, *, key: PRNGKeyArray
) -> Float[Array, ""]:
    """One draw of the information density of x_0 and x = alpha x_0 + sigma z:

        i(x_0, x) = log p(x | x_0) - log p(x) = -|z|^2/2 - (d/2) log(2 pi sigma^2) - log p(x),  in nats.

    Its mean over x_0 and z is the mutual information. z depends on the key alone, so that equal keys give smooth curves
    in the level. At sigma = 0 the result is infinite for laws with a density. Accuracy: the rounding of log p, about
    1e-3 nats in float32 for d of several thousand.
    Source: Cover and Thomas, Elements of Information Theory (definition).
    """
    x0 = strong(x0, float_dtype(x0))
    alpha, sigma = cast_level(level, x0.dtype)
    z = jax.random.normal(key, x0.shape, x0.dtype)
    log_kernel = -jnp.sum(z**2) / 2 - x0.size / 2 * (math.log(2 * math.pi) + 2 * jnp.log(sigma))
    return log_kernel - log_prob(alpha * x0 + sigma * z, NoiseLevel(alpha, sigma))


def information_densities(
    log_prob: LogDensity, draws: Float[ArrayLike, "m *shape"], level: NoiseLevel, *, key: PRNGKeyArray
) -> Float[Array, "m"]:
    """`information_density` of each draw of the data, 64 at a time; draw i uses `fold_in(key, i)`, whatever m is.
    Compiled once for each `log_prob` and shape, for all levels.
    """
    draws = strong(draws, float_dtype(draws))
    # the level is passed as arrays: Python numbers would be constants of the compiled function
    return compiled_densities(log_prob, draws, cast_level(level, draws.dtype), key)


@eqx.filter_jit
def compiled_densities(log_prob, draws, level, key):
    """The loop of `information_densities`."""

    def one(item):
        i, x0 = item
        return information_density(log_prob, x0, level, key=jax.random.fold_in(key, i))

    return jax.lax.map(one, (jnp.arange(draws.shape[0]), draws), batch_size=BATCH)


def monte_carlo_information(
    log_prob: LogDensity, draws: Float[ArrayLike, "m *shape"], level: NoiseLevel, *, key: PRNGKeyArray
) -> Estimate:
    """Mutual information in nats, `I(X0; Xt) = E log p(x|x_0)/p(x)`, from draws of x_0, with its standard error.

    Unbiased at any I if `log_prob` is exact. With the density of an empirical law of n points it is the information of
    that law, which is at most log n; see `empirical_information` for that of the population. The error is sqrt(V/m), V
    the variance of the information density.
    Raises ValueError for fewer than two draws.
    Source: Cover and Thomas, Elements of Information Theory (definition).
    """
    return mean_estimate(information_densities(log_prob, draws, level, key=key))
