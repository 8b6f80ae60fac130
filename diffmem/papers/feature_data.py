"""What the papers on random features share: their features and their data."""

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from ..training.random_features.feature_moments import gaussian_numbers


def drawn(key: PRNGKeyArray, p: int, n: int, d: int) -> tuple[Float[np.ndarray, "p d"], Float[np.ndarray, "n d"]]:
    """The weights W of p features and n points, all N(0, I)."""
    first, points = jax.random.split(key)
    return gaussian_numbers(first, (p, d)), gaussian_numbers(points, (n, d))
