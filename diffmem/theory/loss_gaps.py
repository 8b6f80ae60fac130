"""Denoising losses of memorizing and generalizing denoisers on the training points, and the capacity where they cross.

Losses here are those of x_0, `E|D(x) - x_0|^2`, summed over the d coordinates; `loss_weights` turns them into the
losses of other targets. Data: N points in clusters of variance v, at noise that leaves clusters and training points
resolved.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Real

from ..level import float_dtype, strong


def generalization_gap(
    snr: Float[ArrayLike, "*levels"], d: int, variance: Float[ArrayLike, ""] = 1.0
) -> Float[Array, "*levels"]:
    """Loss on the training points of the population's denoiser minus that of the empirical one: `d v/(1 + snr v)`.

    The population's denoiser has the posterior variance within a cluster of `variance` v as its loss; the empirical one
    has none below the collapse noise. snr is alpha^2/sigma^2; the gap is in squared data units.
    Source: Buchanan et al., arXiv:2508.17689, Theorem 1, with constant 1.
    """
    snr = strong(snr, float_dtype(snr))
    variance = strong(variance, snr.dtype)
    # nothing is lost where there is no variance, however little noise
    return d * variance / (1 + jnp.where(variance > 0, snr, 0) * variance)


def partial_memorization_gap(
    share: Float[ArrayLike, "*sizes"],
    d: int,
    variance: Float[ArrayLike, ""] = 1.0,
    constant: Float[ArrayLike, ""] = 1.0,
) -> Float[Array, "*sizes"]:
    """Loss on N training points of the denoiser that memorizes M of them minus that of all: `C (1 - M/N) d v`.

    `share` is M/N. A point that is not memorized is denoised to a memorized one of its cluster. `constant` C is 2 where
    that one is independent of it (two independent points have a mean squared distance of 2 d v), less where the nearest
    of several is chosen, and 1 where D is the mean of the cluster. The noise does not enter where clusters and points
    are resolved.

    C lies in [1, 2] only in high dimension, where a cluster holds fewer than about e^(0.1226 d) memorized points. The
    nearest of m of them in a Gaussian cluster is at C d v with, as d grows at equal (log m)/d,

        C = (s + 1)/s^2,  (log m)/d = 1/2 log s - (s - 1)/(2 s^2),  s >= 1,

    which is 1 at s = 1.618, (log m)/d = .1226, and is approached from above. With many more of them, as always in few
    dimensions, C tends to 0: 100 points in 2, 13 and 200 dimensions have C = .045, .69 and 1.58.
    Source: Buchanan et al., arXiv:2508.17689, Theorem 2; the two ends of C and C(m) derived, from the large deviations
    of the distance of a Gaussian point from a fixed one at the typical radius.
    """
    share = strong(share, float_dtype(share))
    variance, constant = strong(variance, share.dtype), strong(constant, share.dtype)
    return constant * (1 - share) * d * variance


def crossover_share(
    snr: Real[ArrayLike, "..."], weight: Real[ArrayLike, "..."], variance: float = 1.0, constant: float = 1.0
) -> float:
    """The share M*/N of memorized points above which memorizing costs less than generalizing:

        M*/N = 1 - E_t[w/(1 + snr v)] / (C E_t[w]),

    where the mean over levels of `C (1 - M/N) d v` equals that of `d v/(1 + snr v)`. `weight` is w times the quadrature
    weight of each level, of the shape of `snr`. Losses of other targets enter through w (`noise_loss_weight`, ...).
    For example, with alpha^2 = 1 - t^2, sigma = t, uniform t and w = 1 it is 1 - 1/(3 C), as `1/(1 + snr) = t^2`; with
    w = snr (the loss of the noise) it tends to 1 as the smallest time tends to 0.

    A negative value means that generalizing costs less at every M. Computed in NumPy, float64.
    Raises ValueError where the shapes differ, an snr or weight is negative or not finite, no weight is positive, or
    `variance` or `constant` is not positive (`constant` is below 1 in few dimensions, see `partial_memorization_gap`).
    Source: Buchanan et al., arXiv:2508.17689, the hypothesis behind their capacity of the transition.
    """
    snr, weight = np.asarray(snr, np.float64), np.asarray(weight, np.float64)
    if snr.shape != weight.shape:
        raise ValueError(f"`snr` and `weight` must have one shape, but have {snr.shape} and {weight.shape}.")
    for name, values in (("snr", snr), ("weight", weight)):
        if not (np.isfinite(values).all() and (values >= 0).all()):
            raise ValueError(f"`{name}` must be finite and nonnegative, but holds {values.min()} to {values.max()}.")
    if not weight.sum() > 0:
        raise ValueError("`weight` must be positive somewhere, but is zero.")
    if not (variance > 0 and constant > 0):
        raise ValueError(f"`variance` and `constant` must be positive, but are {variance} and {constant}.")
    return float(1 - (weight / (1 + snr * variance)).sum() / (constant * weight.sum()))
