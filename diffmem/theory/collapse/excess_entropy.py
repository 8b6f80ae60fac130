"""Excess entropy of the empirical law over separated noise balls: zero in the collapsed phase."""

import math
from numbers import Real

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from ...level import float_dtype, strong
from ..estimate import Estimate, mean_estimate
from ..information.gaussian_channel import gaussian_information
from ..points import log_size


def excess_entropy(
    log_probs: Float[ArrayLike, "m *levels"], sigma: Float[ArrayLike, "*levels"], n: Real, d: int
) -> Estimate:
    """Excess entropy per dimension of n noisy training points, from log p_emp at m forward samples of them
    at each level:

        f = (log n)/d + 1/2 log(2 pi e sigma^2) + (1/d) mean log p_emp(x).

    0 when the n noise balls are apart (collapse), (log n)/d when they are all one. With log p of the
    population in place of log p_emp it is (log n - I)/d for information I. The error is that of the m samples; the
    round-off of log p in float32 divided by d is below 1e-6.

    Raises:
        ValueError: `n` is below 1, `d` below 1, or fewer than two samples.
    Source: Biroli et al., arXiv:2402.18491, the excess entropy density.
    """
    if d < 1:
        raise ValueError(f"`d` must be at least 1, but is {d}.")
    log_probs = strong(log_probs, float_dtype(log_probs))
    noise = (1 + math.log(2 * math.pi)) / 2 + jnp.log(strong(sigma, log_probs.dtype))[None]
    return mean_estimate(log_size(n) / d + noise + log_probs / d)


def gaussian_excess_entropy(
    snr: Float[ArrayLike, "*levels"], spectrum: Float[ArrayLike, "d"], n: Real
) -> Float[Array, "*levels"]:
    """Large-d excess entropy per dimension of n points of Gaussian data: `f = max(log n - I, 0)/d`, 0 once collapsed.

    Raises:
        ValueError: `n` is below 1 or not finite.
    Source: Biroli et al., arXiv:2402.18491, isotropic case `f = (log n)/d - 1/2 log(1 + v alpha^2/sigma^2)`.
    """
    d = jnp.shape(spectrum)[0]
    return jnp.maximum(log_size(n) - gaussian_information(snr, spectrum), 0) / d
