"""What the papers on random features share: their clock, their features and their data."""

import math

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from ..level import NoiseLevel
from ..training.random_features.feature_moments import gaussian_numbers


def level_at(t: float) -> NoiseLevel:
    """Of the Ornstein-Uhlenbeck clock, alpha = e^-t and sigma^2 = 1 - e^(-2t), in double precision."""
    return NoiseLevel(math.exp(-t), math.sqrt(-math.expm1(-2 * t)))


def drawn(key: PRNGKeyArray, p: int, n: int, d: int) -> tuple[Float[np.ndarray, "p d"], Float[np.ndarray, "n d"]]:
    """The weights W of p features and n points, all N(0, I)."""
    first, points = jax.random.split(key)
    return gaussian_numbers(first, (p, d)), gaussian_numbers(points, (n, d))
