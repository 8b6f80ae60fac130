"""What a prediction asks of its number of points and of its spectrum, checked before any work starts."""

import math
from numbers import Real

import numpy as np
from jaxtyping import ArrayLike, Float


def log_size(n: Real) -> float:
    """`log n` of a number of points that may be larger than any float (Python integers have no bound).

    Raises:
        ValueError: `n` is below 1, infinite or NaN.
    """
    if not 1 <= n < math.inf:
        raise ValueError(f"`n` must be finite and at least 1, but is {n}.")
    return math.log(n)


def log_others(n: Real) -> float:
    """`log(n - 1)`, the number of points that compete with one's own; minus infinity for n = 1."""
    log_size(n)
    return math.log(n - 1) if n > 1 else -math.inf


def checked_spectrum(spectrum: Float[ArrayLike, "d"]) -> Float[np.ndarray, "d"]:
    """The spectrum as NumPy float64.

    Raises:
        ValueError: the spectrum is empty, or an eigenvalue is negative, infinite or NaN.
    """
    values = np.asarray(spectrum, np.float64)
    if values.size == 0:
        raise ValueError("`spectrum` must hold at least one eigenvalue, but is empty.")
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise ValueError(f"`spectrum` must be finite and nonnegative, but its smallest value is {values.min()}.")
    return values
