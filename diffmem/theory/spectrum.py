"""The covariance spectrum of a data set, from which all predictions for Gaussian data follow."""

import numpy as np

from ..annotations import Points
from ..checks import as_values


def spectrum(points: Points) -> np.ndarray:
    """Eigenvalues `L_k` of the covariance `(1/n) sum_i (y_i - mean)(y_i - mean)^T`, descending, float64, of length d.

    Events of any shape are flattened to d values. Eigenvalues that cannot be told from rounding (below max(n, d) eps
    times the largest) are set to 0, so that they carry no information at any noise.

    Cost: O(n d min(n, d)) and a float64 copy of the points; of covariance and Gram matrix the smaller is used.
    Raises ValueError where there are no points or no coordinates, or a value is NaN or infinite.
    """
    points = np.asarray(as_values("points", points), np.float64)
    if points.ndim < 2 or points.size == 0:
        raise ValueError(f"`points` must hold at least one point and one coordinate, but has shape {points.shape}.")
    if not np.isfinite(points).all():
        raise ValueError("`points` must be finite, but a value is NaN or infinite.")
    n = len(points)
    centred = points.reshape(n, -1) - points.reshape(n, -1).mean(axis=0)
    d = centred.shape[1]
    matrix = centred.T @ centred if d <= n else centred @ centred.T
    values = np.linalg.eigvalsh(matrix / n)[::-1]
    values = np.where(values > max(n, d) * np.finfo(np.float64).eps * values[0], values, 0.0)
    return np.concatenate([values, np.zeros(d - len(values))])
