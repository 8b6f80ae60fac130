"""Checks of the arguments that most predictions take: the number of points, the spectrum of the data, the process."""

import math

import numpy as np
from jaxtyping import ArrayLike, Float

from ..annotations import Number
from ..checks import as_values, check_kind, check_number
from ..level import ProcessLike


def log_size(n: Number) -> float:
    """`log n` of a number of points, which may be a Python integer larger than any float.

    Raises ValueError where `n` is below 1, infinite or NaN.
    """
    if not isinstance(n, int):  # which may be larger than any float
        check_number("n", n)
    if not 1 <= n < math.inf:
        raise ValueError(f"`n` must be finite and at least 1, but is {n}.")
    return math.log(n)


def log_others(n: Number) -> float:
    """`log(n - 1)`, the logarithm of the number of points beside one's own; minus infinity for n = 1."""
    log_size(n)
    return math.log(n - 1) if n > 1 else -math.inf


def points_from_log(log_n: float) -> int:
    """The whole number of points whose logarithm is `log_n`, also for n = e^(a d) beyond the range of floats.

    Accuracy: that of `log_n`, 53 bits; below 2^53 the nearest whole number.
    Raises ValueError where `log_n` is negative, infinite or NaN.
    """
    if not 0 <= log_n < math.inf:
        raise ValueError(f"`log_n` must be finite and at least 0, but is {log_n}.")
    doublings = max(0, math.floor(log_n / math.log(2)) - 53)
    return round(math.exp(log_n - doublings * math.log(2))) << doublings


def checked_spectrum(spectrum: Float[ArrayLike, "d"]) -> Float[np.ndarray, "d"]:
    """The spectrum as NumPy float64.

    Raises ValueError where the spectrum is empty, or an eigenvalue is negative, infinite or NaN.
    """
    values = np.asarray(as_values("spectrum", spectrum), np.float64)
    if values.size == 0:
        raise ValueError("`spectrum` must hold at least one eigenvalue, but is empty.")
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise ValueError(f"`spectrum` must be finite and nonnegative, but its smallest value is {values.min()}.")
    return values


def time_of(process: ProcessLike, ratio: float) -> float:
    """The time at which a process has this sigma/alpha.

    Raises ValueError for what is no process.
    """
    check_kind("process", process, ProcessLike, "a process, such as processes.OrnsteinUhlenbeck()")
    return float(process.time_at(ratio))
