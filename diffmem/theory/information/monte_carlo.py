"""Mutual information of any law with a known density (mixtures, networks with likelihoods), by sampling."""

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from ...level import NoiseLevel, cast_level, float_dtype, strong
from ..estimate import Estimate, mean_estimate

LogDensity = Callable[[Float[Array, "*shape"], NoiseLevel], Float[Array, ""]]
"""log p(x) of the noisy data at a level, for one point x; the `log_prob` of any density here is one."""

BATCH = 64  # draws evaluated together: enough for matrix products, little enough for memory


def information_density(
    log_prob: LogDensity, x0: Float[ArrayLike, "*shape"], level: NoiseLevel, *, key: PRNGKeyArray
) -> Float[Array, ""]:
    """One draw of the information density of x_0 and its noisy version x = alpha x_0 + sigma z:

        i(x_0, x) = log p(x | x_0) - log p(x) = -|z|^2/2 - (d/2) log(2 pi sigma^2) - log p(x),  in nats.

    Its mean over x_0 and z is the mutual information. The draw of z depends on the key alone, so that equal keys give
    smooth curves in the level. At sigma = 0 it is infinite for laws with a density. Accuracy: the round-off of log p,
    which in float32 and d of several thousand is about 1e-3 nats.
    """
    x0 = strong(x0, float_dtype(x0))
    alpha, sigma = cast_level(level, x0.dtype)
    z = jax.random.normal(key, x0.shape, x0.dtype)
    log_kernel = -jnp.sum(z**2) / 2 - x0.size / 2 * (math.log(2 * math.pi) + 2 * jnp.log(sigma))
    return log_kernel - log_prob(alpha * x0 + sigma * z, NoiseLevel(alpha, sigma))


def information_densities(
    log_prob: LogDensity, draws: Float[ArrayLike, "m *shape"], level: NoiseLevel, *, key: PRNGKeyArray
) -> Float[Array, "m"]:
    """`information_density` of each draw of the data; draw i uses `fold_in(key, i)` and is the same whatever m.

    Cost: m evaluations of `log_prob`, 64 at a time; compiled once for each `log_prob` and shape, whatever the level.
    """
    draws = strong(draws, float_dtype(draws))
    # as arrays, since numbers in a compiled call would be constants of it
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
    """Mutual information I(X0; Xt) in nats of the law with density `log_prob`, from draws of it, with standard error.

    Unbiased at any I when `log_prob` is exact. The density of an empirical law of n points gives the information of
    that law, which saturates at log n: it says nothing of the population beyond; see `empirical_information`.

    Error sqrt(V/m), V the variance of the information density.

    Raises:
        ValueError: fewer than two draws.
    """
    return mean_estimate(information_densities(log_prob, draws, level, key=key))
