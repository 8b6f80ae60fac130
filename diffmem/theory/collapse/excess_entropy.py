"""Excess entropy: how far the entropy of the noisy empirical law is below that of n separate noise kernels.

It is 0 in the collapsed phase, where the Gaussian kernels around the training points do not overlap.
"""

import math

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from ...annotations import Number
from ...level import float_dtype, strong
from ..estimate import Estimate, mean_estimate
from ..information.gaussian_channel import gaussian_information
from ..points import log_size


def excess_entropy(
    log_probs: Float[ArrayLike, "m *levels"], sigma: Float[ArrayLike, "*levels"], n: Number, d: int
) -> Estimate:
    """Excess entropy per dimension of n noisy training points:

        f = (log n)/d + 1/2 log(2 pi e sigma^2) + (1/d) mean log p_emp(x).

    `log_probs` are log p_emp of the empirical law at m noisy training points, at each level. f is 0 where the n noise
    kernels are separate (collapse) and (log n)/d where they coincide. With the log-density of the population in place
    of log p_emp it is (log n - I)/d, I the mutual information. The error is the standard error over the m samples;
    rounding of log p in float32 adds less than 1e-6.
    Raises ValueError for fewer than two samples, and where `n` or `d` is below 1.
    Source: Biroli et al., arXiv:2402.18491, the excess entropy density.
    """
    if d < 1:
        raise ValueError(f"`d` must be at least 1, but is {d}.")
    log_probs = strong(log_probs, float_dtype(log_probs))
    noise = (1 + math.log(2 * math.pi)) / 2 + jnp.log(strong(sigma, log_probs.dtype))[None]
    return mean_estimate(log_size(n) / d + noise + log_probs / d)


def gaussian_excess_entropy(
    snr: Float[ArrayLike, "*levels"], spectrum: Float[ArrayLike, "d"], n: Number
) -> Float[Array, "*levels"]:
    """Excess entropy per dimension of n points of Gaussian data at large d: `f = max(log n - I, 0)/d`.

    Raises ValueError where `n` is below 1 or not finite.
    Source: Biroli et al., arXiv:2402.18491, isotropic case `f = (log n)/d - 1/2 log(1 + v alpha^2/sigma^2)`.
    """
    d = jnp.shape(spectrum)[0]
    return jnp.maximum(log_size(n) - gaussian_information(snr, spectrum), 0) / d
