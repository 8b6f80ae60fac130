"""Where the reverse process of n training points collapses onto one of them: `I(X0; Xt) = log n`.

Computed in NumPy, float64.
"""

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import ArrayLike, Float

from ...annotations import Number
from ...level import ProcessLike
from ..estimate import Estimate
from ..points import checked_spectrum, log_size, time_of

PADDING = 1e-9  # widening of a bracket, in log(sigma/alpha), so that rounding cannot put the root outside it
SLOPE_STEP = 0.05  # half-step in log(sigma/alpha) of a central difference, at which float32 noise in I is still small


def collapse_ratio(n: Number, spectrum: Float[ArrayLike, "d"]) -> float:
    """Noise-to-signal ratio sigma/alpha below which the reverse process of n training points copies one of them.

    The points are n draws of a Gaussian with the covariance eigenvalues `L_1, ..., L_d` in `spectrum`. At the ratio
    `rho = sigma/alpha` a noisy point tells its origin apart from as many others as `exp I(rho)`, with the mutual
    information `I(rho) = 1/2 sum_k log(1 + L_k / rho^2)` between x_0 and x_t. The posterior of the training points
    condenses on the origin (the process collapses) where that number passes n, at the root of

        1/2 sum_k log(1 + L_k / rho^2) = log n.

    For d equal eigenvalues L the root is `rho^2 = L / (n^(2/d) - 1)`: halving rho takes exponentially many points in d.

    Args:
        n: number of training points, at least 1; may be as large as 10**100. A single point is known at every noise:
            n = 1 gives inf.
        spectrum: eigenvalues of the covariance of the data, in squared data units, zeros allowed; `theory.spectrum`
            makes them from points. All zero, with n > 1: the points coincide, and the ratio is 0.

    Returns:
        rho in data units. `collapse_time` turns it into the time of a process.

    Accuracy: 1e-13 relative. Cost: O(d) for each of about ten iterations.

    Raises:
        ValueError: `n` is below 1 or not finite; the spectrum is empty, negative or not finite.

    Example: 625 points of N(0, I) in 8 dimensions, where n^(2/d) = 5 and rho^2 = 1/4.
        >>> import numpy as np
        >>> from diffmem import theory
        >>> print(f"{theory.collapse_ratio(625, np.ones(8)):.3f}")
        0.500

    Source: Biroli et al., arXiv:2402.18491, the isotropic case; general spectra derived: the background of
    the other points condenses, as a random-energy model, where log n equals the mutual information.
    """
    return ratio_at(log_size(n), half_log1p, checked_spectrum(spectrum))


def ratio_at(
    nats: float,
    gain: Callable[[np.ndarray], np.ndarray],
    variances: Float[np.ndarray, "k"],
    counts: Float[np.ndarray, "k"] | None = None,
) -> float:
    """sigma/alpha at which `sum_k counts_k gain(log(L_k alpha^2/sigma^2)) = nats`; inf at 0 nats, 0 for no variance.

    `gain` grows with the logarithm of the signal-to-noise ratio s and lies between 1/2 log(1 + s) and twice as much.
    """
    counts = np.ones_like(variances) if counts is None else counts
    present = (variances > 0) & (counts > 0)
    log_variances, counts = np.log(variances[present]), counts[present]
    if nats == 0:
        return math.inf
    if log_variances.size == 0:
        return 0.0
    low, _ = spectral_bracket(nats, log_variances, counts)
    _, high = spectral_bracket(nats / 2, log_variances, counts)

    def surplus(log_ratio):
        return float(counts @ gain(log_variances - 2 * log_ratio)) - nats

    return math.exp(root(surplus, low - PADDING, high + PADDING))


def half_log1p(log_signal: Float[np.ndarray, "k"]) -> Float[np.ndarray, "k"]:
    """Information of Gaussian components in nats, `1/2 log(1 + s)`, at log s."""
    return np.logaddexp(0.0, log_signal) / 2


def spectral_bracket(
    nats: float, log_variances: Float[np.ndarray, "k"], counts: Float[np.ndarray, "k"]
) -> tuple[float, float]:
    """Bounds on the log(sigma/alpha) where I = nats: those of equal eigenvalues at their geometric and arithmetic mean.

    log(1 + L s) is concave in L and convex in log L, so that Jensen's inequality bounds I from both sides.
    """
    exponent = 2 * nats / counts.sum()
    # log(e^x - 1), without overflow for large n and without cancellation for large k
    log_excess = exponent + math.log(-math.expm1(-exponent))
    shares = counts / counts.sum()
    arithmetic = np.logaddexp.reduce(log_variances + np.log(shares))
    return (float(shares @ log_variances) - log_excess) / 2, (float(arithmetic) - log_excess) / 2


def collapse_time(process: ProcessLike, n: Number, spectrum: Float[ArrayLike, "d"]) -> float:
    """The collapse time `t_C` of n points: the time of `collapse_ratio` on a process, `process.time_at(ratio)`.

    It lies outside [t_min, t_max] where the process does not reach the ratio; for n = 1 it is the time of an infinite
    ratio. Accuracy: that of `time_at`, in JAX's default float.
    Raises ValueError as `collapse_ratio`.
    Source: Biroli et al., arXiv:2402.18491, for n points of N(0, v I) on the Ornstein-Uhlenbeck clock
    `t_C = 1/2 log(1 + v/(n^(2/d) - 1))`.
    """
    return time_of(process, collapse_ratio(n, spectrum))


def collapse_ratio_from_information(
    information: Callable[[float], Estimate], n: Number, bracket: tuple[float, float]
) -> Estimate:
    """sigma/alpha at which an estimated information crosses log n, with its standard error.

    `information(ratio)` estimates I(X0; Xt) at sigma/alpha = ratio. It must use equal random numbers at every ratio, so
    that it is a smooth curve. `bracket` is a pair of ratios (low, high) with I(low) > log n > I(high). The error is
    `ratio error(I) / |dI/d log ratio|`, with the slope by a central difference.

    Cost: about ten evaluations of `information`. Accuracy: the root to 1e-6 relative.
    Raises ValueError where `n` is below 1 or not finite, or the information does not cross log n inside the bracket.
    """
    log_n = log_size(n)
    low, high = bracket
    if not 0 < low < high < math.inf:
        raise ValueError(f"`bracket` must satisfy 0 < low < high < inf, but is {bracket}.")

    def surplus(log_ratio):
        return float(information(math.exp(log_ratio)).value) - log_n

    ends = surplus(math.log(low)), surplus(math.log(high))
    if not ends[0] > 0 > ends[1]:
        above, below = ends[0] + log_n, ends[1] + log_n
        raise ValueError(
            f"`bracket` must hold I = log n = {log_n:.4g}, but {bracket} has I from {above:.4g} to {below:.4g}."
        )
    found = root(surplus, math.log(low), math.log(high), accuracy=1e-6)
    slope = (surplus(found + SLOPE_STEP) - surplus(found - SLOPE_STEP)) / (2 * SLOPE_STEP)
    error = float(information(math.exp(found)).error)
    return Estimate(math.exp(found), math.exp(found) * error / abs(slope))


def root(function: Callable[[float], float], low: float, high: float, accuracy: float = 1e-15) -> float:
    """The zero of a continuous function that changes sign between low and high (Brent's method)."""
    from scipy.optimize import brentq

    return brentq(function, low, high, xtol=accuracy, rtol=4 * np.finfo(np.float64).eps)
