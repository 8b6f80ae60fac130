"""Data in fewer dimensions: square images are averaged over blocks, others projected on principal components."""

import math

import numpy as np
from jaxtyping import Float

from ..checks import check_count, check_kind
from .dataset import Dataset


def reduce_dimension(dataset: Dataset, d: int) -> Dataset:
    """The dataset in d dimensions; its name says how.

    Square images (s, s), (s, s, c) or (c, s, s) whose side is a multiple of `sqrt(d/c)` are averaged over blocks: 8 x 8
    gives d = 16, 4, 1 and 28 x 28 gives 196, 49, 16, 4, 1. Their value range stays. All other data are projected on the
    d leading principal components of its own points: coordinates of the centred data (the mean is not added back),
    ordered by variance, computed in float64, each with the sign that makes the largest loading positive. d equal to the
    dimension of the data returns them as they are. Labels are kept. Reduce before taking subsets, so that one
    projection serves all of them. Cost: one pass, or an eigendecomposition in the smaller of dimension and number of
    points.
    Raises ValueError unless 1 <= d <= the dimension of the data, and d < n for a projection, as n points span n - 1
    directions.
    """
    check_kind("dataset", dataset, Dataset, "a Dataset, such as data.digits()")
    check_count("d", d)
    if d > dataset.d:
        raise ValueError(f"`d` must be at most {dataset.d}, the dimension of {dataset.name}, but is {d}.")
    if d == dataset.d:
        return dataset
    side = pooled_side(dataset.event_shape, d)
    return _project(dataset, d) if side is None else _pool(dataset, side)


def principal_axes(points: Float[np.ndarray, "n d"], k: int) -> Float[np.ndarray, "d k"]:
    """The k leading principal axes of the points as orthonormal columns, in float64, largest loading positive."""
    centred = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    n, d = centred.shape
    if d <= n:
        axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :k]
    else:
        axes = np.linalg.svd(centred, full_matrices=False)[2][:k].T
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(k)]
    return axes * np.sign(largest)


def pooled_side(event_shape: tuple[int, ...], d: int) -> int | None:
    """The side to which images of this shape can be pooled to have d entries, or None."""
    before, whole, after = _square(event_shape)
    channels = math.prod((*before, *after))
    side = math.isqrt(d // channels)
    fits = 0 < side <= whole and side * side * channels == d and whole % side == 0
    return side if fits else None


def _square(event_shape: tuple[int, ...]) -> tuple[tuple[int, ...], int, tuple[int, ...]]:
    """The axes of channels before those of pixels, the side of square images (0 for others), and the axes behind."""
    if len(event_shape) in (2, 3) and event_shape[0] == event_shape[1]:
        return (), event_shape[0], event_shape[2:]
    if len(event_shape) == 3 and event_shape[1] == event_shape[2]:
        return event_shape[:1], event_shape[1], ()
    return (), 0, ()


def _pool(dataset: Dataset, side: int) -> Dataset:
    before, whole, after = _square(dataset.event_shape)
    block, axis = whole // side, 1 + len(before)
    blocks = dataset.points.reshape(dataset.n, *before, side, block, side, block, *after)
    return dataset.with_points(
        blocks.mean(axis=(axis + 1, axis + 3), dtype=np.float64).astype(dataset.points.dtype),
        value_range=dataset.value_range,
        name=f"{dataset.name}, pooled to {side} x {side}",
    )


def _project(dataset: Dataset, d: int) -> Dataset:
    if d >= dataset.n:
        raise ValueError(
            f"`d` must be below {dataset.n}, the number of points in {dataset.name}, "
            f"to project on principal components, but is {d}."
        )
    centred = dataset.points - dataset.points.mean(axis=0, dtype=np.float64)
    coordinates = centred @ principal_axes(dataset.points, d)
    with np.errstate(over="ignore"):  # the data set says which point is too large
        coordinates = coordinates.astype(dataset.points.dtype)
    return dataset.with_points(coordinates, name=f"{dataset.name}, {d} principal components")
