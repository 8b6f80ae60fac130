"""What is read off the samples of a memorized label."""

from typing import Any

import numpy as np
from jaxtyping import Float

RADIUS, COSINE = 0.25, 0.95  # of a hit: distance over the norm of the record, and direction


def hits(x: Any, target: Any) -> Float[np.ndarray, "2"]:
    """The share of samples that hit a record by distance, and by cosine."""
    x, target = np.asarray(x, np.float64), np.asarray(target, np.float64)
    size = np.linalg.norm(target)
    cosine = x @ target / np.maximum(np.linalg.norm(x, axis=1) * size, 1e-300)
    return np.array([(np.linalg.norm(x - target, axis=1) < RADIUS * size).mean(), (cosine >= COSINE).mean()])


def far(x: Any, target: Any) -> float:
    """The mean distance of samples from a record over its norm."""
    return float(np.linalg.norm(np.asarray(x) - np.asarray(target), axis=-1).mean() / np.linalg.norm(target))


def relative_change(before: np.ndarray, after: np.ndarray) -> float:
    """The mean distance of samples over the mean norm of those before."""
    return float(np.linalg.norm(after - before, axis=-1).mean() / np.linalg.norm(before, axis=-1).mean())
