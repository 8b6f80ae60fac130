"""The collapse transition at finite n and d: the posterior weight of the training point that a noisy one came from."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from ...annotations import Number
from ...level import float_dtype, strong
from ..estimate import Estimate, mean_estimate
from ..information.gaussian_channel import mode_share, mode_signal
from ..points import log_others

NODES = 256  # of the trapezoidal rule, which converges exponentially here: an error of 1e-12 for every spectrum
FREQUENCY = 12.0  # end of the integral without information: 1/sinh(12 pi) = 1e-16


def own_weight(densities: Float[ArrayLike, "m"], n: Number) -> Estimate:
    """Mean own weight, the posterior weight of the one of n training points that x came from, with standard error:

        w = E 1/(1 + (n - 1) e^-i).

    `densities` are draws of the information density i. The sum over the other n - 1 points is replaced by its mean.
    As w is convex in that sum, the result is a lower bound on the weight averaged over training sets. n = 1 gives 1.
    Raises ValueError for fewer than two draws, and for `n` below 1.
    Source: derived, Jensen's inequality over the training set.
    """
    densities = strong(densities, float_dtype(densities))
    return mean_estimate(jax.nn.sigmoid(densities - log_others(n)))


def gaussian_own_weight(
    snr: Float[ArrayLike, "*levels"], spectrum: Float[ArrayLike, "d"], n: Number
) -> Float[Array, "*levels"]:
    """`E 1/(1 + (n - 1) e^-i)` for Gaussian data, exactly: no sampling and no normal approximation of i.

    i - I has a symmetric law with characteristic function prod_k (1 + c_k s^2)^(-1/2), c_k = L_k snr/(1 + L_k snr).
    With the Fourier transform of tanh this gives

        w = 1/2 + int_0^inf sin(s (I - log(n - 1))) prod_k (1 + c_k s^2)^(-1/2) / sinh(pi s) ds.

    In particular w = 1/2 exactly where I = log(n - 1). It is a lower bound on the weight averaged over training sets:
    see `own_weight`.

    Cost: 256 sums over the spectrum for each level. Accuracy: 1e-12 absolute in float64, 1e-6 times log n in float32.
    Raises ValueError where `n` is below 1 or not finite.
    Source: derived.
    """
    share = mode_share(snr, spectrum)
    information = jnp.log1p(mode_signal(snr, spectrum)).sum(-1) / 2
    return mean_logistic(share, information - log_others(n))


@jax.jit
def mean_logistic(share: Float[Array, "*levels d"], offset: Float[Array, "*levels"]) -> Float[Array, "*levels"]:
    """`E 1/(1 + exp(-offset - X))` for X = sum_k sqrt(c_k) g_k h_k, the fluctuation of the information density."""
    variance = share.sum(-1)
    # beyond `reach` nats from the transition the result is 0 or 1, as X has sd sqrt(V) and its tails fall like e^-|X|
    reach = 40 + 8 * jnp.sqrt(1 + variance)
    offset = jnp.clip(offset, -reach, reach)
    step = FREQUENCY / jnp.sqrt(1 + variance / 4) / NODES

    def integrand(k):
        s = k.astype(step.dtype) * step
        log_characteristic = -jnp.log1p(share * s[..., None] ** 2).sum(-1) / 2
        return jnp.sin(s * offset) * jnp.exp(log_characteristic) / jnp.sinh(math.pi * s)

    nodes = jax.lax.map(integrand, jnp.arange(1, NODES))
    return 0.5 + step * (offset / (2 * math.pi) + nodes.sum(0))
