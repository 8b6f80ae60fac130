"""The clock of the Ornstein-Uhlenbeck process in double precision: alpha = e^-t and sigma^2 = 1 - e^(-2t)."""

import math

import numpy as np
from jaxtyping import ArrayLike, Float, Real

from ..level import NoiseLevel


def level_at(t: float) -> NoiseLevel:
    """alpha = e^-t and sigma = sqrt(1 - e^(-2t)), as Python floats."""
    return NoiseLevel(math.exp(-t), math.sqrt(-math.expm1(-2 * t)))


def ratio_at(t: Real[ArrayLike, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """sigma/alpha = sqrt(e^(2t) - 1)."""
    return np.asarray(np.sqrt(np.expm1(2 * np.asarray(t, np.float64))))


def time_at(ratio: Real[ArrayLike, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """The time at which sigma/alpha is `ratio`, `log(1 + ratio^2)/2`."""
    return np.asarray(np.log1p(np.square(np.asarray(ratio, np.float64))) / 2)
