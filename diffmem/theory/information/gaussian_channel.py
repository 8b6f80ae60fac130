"""Mutual information I(X0; Xt) of Gaussian data, its fluctuations and derivative, as functions of snr.

snr is alpha^2/sigma^2. Each principal component is an independent Gaussian channel, so that all results are exact sums
over the spectrum. JAX functions: any shape of `snr`, differentiable, computed in the dtype of `snr`.
"""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from ...checks import as_values
from ...level import float_dtype, strong


def gaussian_information(snr: Float[ArrayLike, "*levels"], spectrum: Float[ArrayLike, "d"]) -> Float[Array, "*levels"]:
    """Mutual information in nats between the data and their noisy version: `I = 1/2 sum_k log(1 + L_k snr)`.

    `snr` must be at least 0; at snr = inf the result is infinite, or 0 when the spectrum is zero.
    Source: Cover and Thomas, Elements of Information Theory, parallel Gaussian channels.
    """
    return jnp.log1p(mode_signal(snr, spectrum)).sum(-1) / 2


def gaussian_information_variance(
    snr: Float[ArrayLike, "*levels"], spectrum: Float[ArrayLike, "d"]
) -> Float[Array, "*levels"]:
    """Variance of the information density `i = log p(x_t|x_0)/p(x_t)`: `V = sum_k L_k snr/(1 + L_k snr)`.

    The mean of i is I. V is also the effective number of dimensions above the noise, and `dI/d log(sigma/alpha) = -V`:
    the collapse transition has width 1/sqrt(V) in the logarithm of the noise.
    Derived: `i - I = sum_k sqrt(c_k) g_k h_k` with g, h ~ N(0, 1) independent and c_k = L_k snr/(1 + L_k snr).
    """
    return mode_share(snr, spectrum).sum(-1)


def gaussian_mmse(snr: Float[ArrayLike, "*levels"], spectrum: Float[ArrayLike, "d"]) -> Float[Array, "*levels"]:
    """Minimum mean squared error of denoising: `mmse = E|x_0 - D(x_t)|^2 = sum_k L_k/(1 + L_k snr)`.

    By the I-MMSE relation `dI/dsnr = mmse/2`.
    Source: Guo, Shamai and Verdu, arXiv:cs/0412108.
    """
    signal = mode_signal(snr, spectrum)
    variances = strong(spectrum, signal.dtype)
    return (jnp.broadcast_to(variances, signal.shape) / (1 + signal)).sum(-1)


def mode_signal(snr: Float[ArrayLike, "*levels"], spectrum: Float[ArrayLike, "d"]) -> Float[Array, "*levels d"]:
    """`s_k = L_k snr`, the signal-to-noise ratio of each principal component; 0 where L_k = 0, also at snr = inf."""
    snr = as_values("snr", snr)
    snr = strong(snr, float_dtype(snr))[..., None]
    variances = strong(as_values("spectrum", spectrum), snr.dtype).reshape((1,) * (snr.ndim - 1) + (-1,))
    silent = (variances == 0) & jnp.isinf(snr)
    return jnp.where(silent, 0, snr) * variances


def mode_share(snr: Float[ArrayLike, "*levels"], spectrum: Float[ArrayLike, "d"]) -> Float[Array, "*levels d"]:
    """`c_k = L_k snr/(1 + L_k snr)`, the part of the variance of each noisy component that is signal, in [0, 1]."""
    signal = mode_signal(snr, spectrum)
    # each branch is computed only for arguments at which it and its derivative are finite
    weak, strong_signal = jnp.where(signal < 1, signal, 1), jnp.where(signal < 1, 1, signal)
    return jnp.where(signal < 1, weak / (1 + weak), 1 / (1 + 1 / strong_signal))
