"""Points that are as far apart in direction as points can be, each still close to one that was given."""

import numpy as np
from jaxtyping import ArrayLike, Float, Real

RESOLUTION = 1e-6  # smallest singular value of the unit vectors below which their directions are not told apart


def orthogonalized(points: Real[ArrayLike, "n d"]) -> Float[np.ndarray, "n d"]:
    """Orthogonal points with the given norms, the nearest ones to the given directions: `O = (U U^T)^(-1/2) U`.

    U are the points divided by their norms. Of all orthonormal sets O has the smallest sum of squared distances to U,
    and it treats all points alike, unlike orthogonalization one after the other. Points that are orthogonal already
    stay.

    float64 on the host, back in the precision of the points. Cost: n^2 d.
    Raises ValueError for points that are zero, not finite or linearly dependent (n > d among them).
    Source: Loewdin, J. Chem. Phys. 18, 365 (1950).
    """
    rows, norms = _rows(points)
    return (norms * _orthonormal(rows / norms)).astype(_precision(points))


def separated(points: Real[ArrayLike, "n d"]) -> Float[np.ndarray, "n d"]:
    """n points with the given norms whose pairwise cosines are all -1/(n - 1), the least that all pairs can have.

    Their directions are those of `orthogonalized` less their mean: the corners of a regular simplex around 0, near the
    given ones. Subtract the mean of the data first. Two points become opposite.

    Precision and cost as `orthogonalized`. Raises ValueError as it does, and for fewer than 2 points.
    Source: derived (`<o_i - m, o_j - m> = -1/n` with m the mean of n orthonormal o, `|o_i - m|^2 = 1 - 1/n`).
    """
    rows, norms = _rows(points)
    if len(rows) < 2:
        raise ValueError(f"`points` must hold at least 2 points to be separated, but hold {len(rows)}.")
    directions = _orthonormal(rows / norms)
    directions -= directions.mean(axis=0)
    directions /= (1 - 1 / len(rows)) ** 0.5
    return (norms * directions).astype(_precision(points))


def _rows(points: Real[ArrayLike, "n d"]) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "n 1"]]:
    """The points in float64 and their norms."""
    rows = np.asarray(points, np.float64)
    if not np.isfinite(rows).all():
        raise ValueError("`points` must be finite, but hold NaN or infinite values.")
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    if not (norms > 0).all():
        raise ValueError(f"`points` must have a direction, but point {int(np.argmin(norms))} is zero.")
    return rows, norms


def _orthonormal(directions: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """The orthogonal factor of the polar decomposition, which is (U U^T)^(-1/2) U."""
    left, values, right = np.linalg.svd(directions, full_matrices=False)
    if len(directions) > directions.shape[1] or values[-1] < RESOLUTION:
        raise ValueError(
            f"`points` must be linearly independent, but the {len(directions)} directions in {directions.shape[1]} "
            f"dimensions have a smallest singular value of {values[-1]:.1e}."
        )
    return left @ right


def _precision(points: Real[ArrayLike, "n d"]) -> np.dtype:
    dtype = np.asarray(points).dtype
    return dtype if dtype in (np.float32, np.float64) else np.dtype(np.float64)
