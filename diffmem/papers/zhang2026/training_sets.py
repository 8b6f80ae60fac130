"""Training sets that are memorized: points as far apart in direction as points can be, and repeated ones."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import ArrayLike, Float, PRNGKeyArray, Real

from ...checks import check_count
from ...data import Dataset

RESOLUTION = 1e-6  # smallest singular value of the unit vectors below which their directions are not told apart


def separated(points: Real[ArrayLike, "n d"]) -> Float[np.ndarray, "n d"]:
    """n points with the given norms whose pairwise cosines are all -1/(n - 1), the least that all pairs can have.

    Their directions are those of the orthonormal set nearest to the given directions less their mean: the corners of a
    regular simplex around 0, near the given ones. Subtract the mean of the data first. Two points become opposite.

    float64 on the host, back in the precision of the points. Cost: n^2 d.
    Raises ValueError for fewer than 2 points, and for points that are zero, not finite or linearly dependent (n > d
    among them).
    Source: derived (`<o_i - m, o_j - m> = -1/n` with m the mean of n orthonormal o, `|o_i - m|^2 = 1 - 1/n`).
    """
    rows = np.asarray(points, np.float64)
    if len(rows) < 2:
        raise ValueError(f"`points` must hold at least 2 points to be separated, but hold {len(rows)}.")
    if not np.isfinite(rows).all():
        raise ValueError("`points` must be finite, but hold NaN or infinite values.")
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    if not (norms > 0).all():
        raise ValueError(f"`points` must have a direction, but point {int(np.argmin(norms))} is zero.")
    directions = orthonormal(rows / norms)
    directions -= directions.mean(axis=0)
    directions /= (1 - 1 / len(rows)) ** 0.5
    dtype = np.asarray(points).dtype
    return (norms * directions).astype(dtype if dtype == np.float32 else np.float64)


def orthonormal(directions: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """The orthonormal set nearest to the given unit vectors U: `(U U^T)^(-1/2) U`, by the polar decomposition.

    Of all orthonormal sets it has the smallest sum of squared distances to U, and it treats all points alike.
    Source: Loewdin, J. Chem. Phys. 18, 365 (1950).
    """
    left, values, right = np.linalg.svd(directions, full_matrices=False)
    if len(directions) > directions.shape[1] or values[-1] < RESOLUTION:
        raise ValueError(
            f"`points` must be linearly independent, but the {len(directions)} directions in {directions.shape[1]} "
            f"dimensions have a smallest singular value of {values[-1]:.1e}."
        )
    return left @ right


class Duplicated(NamedTuple):
    """A training set with copies, and its parts without them."""

    train: Dataset
    """Each repeated point `copies` times, one after the other, then the unique ones."""
    repeated: Dataset
    unique: Dataset
    held_out: Dataset
    """The rest of the data."""


def duplicated(dataset: Dataset, repeated: int, copies: int, unique: int, *, key: PRNGKeyArray) -> Duplicated:
    """A random training set of `repeated` points, each `copies` times, and `unique` others once; the rest is held out.

    Raises ValueError for numbers below 1 and where nothing is left to hold out.
    """
    for name, size in {"repeated": repeated, "copies": copies, "unique": unique}.items():
        check_count(name, size)
    if repeated + unique >= dataset.n:
        raise ValueError(
            f"`repeated` and `unique` must leave some of the {dataset.n} points in {dataset.name}, "
            f"but are {repeated} and {unique}."
        )
    order = np.asarray(jax.random.permutation(key, dataset.n))
    often, once, rest = np.split(order, [repeated, repeated + unique])
    train = dataset.subset(np.concatenate([np.repeat(often, copies), once]))
    return Duplicated(train, *(dataset.subset(index) for index in (often, once, rest)))
