"""Exact nearest neighbours: matrix products find the candidates, direct differences decide."""

from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Float, Int, Real

from .rows import as_row_pair

BLOCK = 1024  # points on each side of a screen: matrices of 8 MB, large enough for a matrix product at full speed


class Neighbours(NamedTuple):
    """The k nearest training points of each sample, nearest first."""

    distance: Float[np.ndarray, "count k"]
    """Euclidean distances (not squared), in the units of the data."""
    index: Int[np.ndarray, "count k"]
    """Rows of the training set."""


def nearest(samples: Real[ArrayLike, "count ..."], train: Real[ArrayLike, "n ..."], k: int = 1) -> Neighbours:
    """The k nearest training points of each sample, exactly.

    `distance[i, j] = |samples[i] - train[index[i, j]]|`, ascending in j; equal distances are ordered by index.

    Any event shape; NumPy or JAX arrays; the arithmetic is float64 whatever the input. Accuracy: a matrix product of
    centred points only screens, and every point within its rounding bound of the k-th best is measured again by direct
    differences, so the order is that of direct float64 distances, a point is at distance 0 of itself, and block sizes
    change nothing.
    Cost: one product of (count, d) by (d, n); memory of a few blocks of 1024 points beside the inputs.

    Raises ValueError for different event shapes, for NaN or infinite values, and unless 1 <= k <= n.
    """
    queries, points = as_row_pair(samples, train, ("samples", "train"))
    if not 1 <= k <= len(points):
        raise ValueError(f"`k` must be between 1 and the {len(points)} points of `train`, but is {k}.")
    centre = points.mean(axis=0, dtype=np.float64)
    parts = [_search(queries[i : i + BLOCK], points, centre, k) for i in range(0, len(queries), BLOCK)]
    squares, index = (np.concatenate(part) for part in zip(*parts))
    return Neighbours(np.sqrt(squares), index)


def expanded_squares(a: Float[np.ndarray, "count d"], b: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "count n"]:
    """`|a|^2 + |b|^2 - 2 a.b`: squared distances by one matrix product, wrong by up to `expansion_error`."""
    return _squared_norms(a)[:, None] + _squared_norms(b)[None, :] - 2 * a @ b.T


def expansion_error(a: Float[np.ndarray, "count d"], b: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "count"]:
    """Bound on the error of each row of `expanded_squares`: `(d + 8) eps (|a| + max |b|)^2`, twice the worst case."""
    reach = np.sqrt(_squared_norms(a)) + np.sqrt(_squared_norms(b).max())
    return (a.shape[1] + 8) * np.finfo(np.float64).eps * reach**2


def _squared_norms(rows):
    return np.einsum("ij,ij->i", rows, rows)


def _search(queries, points, centre, k):
    """Squared distances and indices of the k nearest points of one block of queries."""
    queries = queries.astype(np.float64)
    squares, index = np.full((len(queries), k), np.inf), np.full((len(queries), k), len(points))
    for start in range(0, len(points), BLOCK):
        block = points[start : start + BLOCK].astype(np.float64)
        rows, columns = _candidates(queries - centre, block - centre, squares[:, -1], k)
        found = _direct_squares(queries, block, rows, columns)
        squares, index = _merge(squares, index, rows, columns + start, found)
    return squares, index


def _candidates(queries, block, best, k):
    """Pairs (row, column) that may be among the k nearest, given the k-th best squared distance so far."""
    screened, error = expanded_squares(queries, block), expansion_error(queries, block)
    limit = best + error
    if k <= len(block):
        limit = np.minimum(limit, np.partition(screened, k - 1, axis=1)[:, k - 1] + 2 * error)
    return np.nonzero(screened <= limit[:, None])


def _direct_squares(queries, block, rows, columns):
    """Squared distances of the listed pairs, the differences first."""
    stride = max(1, BLOCK**2 // queries.shape[1])
    pieces = [slice(i, i + stride) for i in range(0, len(rows), stride)]
    # np.sum adds every row in the same order, so that copies of a point are exactly equally far
    found = [np.square(queries[rows[piece]] - block[columns[piece]]).sum(axis=1) for piece in pieces]
    return np.concatenate([np.empty(0), *found])


def _merge(squares, index, rows, columns, found):
    """The k best of each row among those held and those found, ordered by distance and then by index."""
    count, k = squares.shape
    rows = np.concatenate([np.repeat(np.arange(count), k), rows])
    squares, index = np.concatenate([squares.ravel(), found]), np.concatenate([index.ravel(), columns])
    order = np.lexsort((index, squares, rows))
    first = np.searchsorted(rows[order], np.arange(count))
    taken = order[first[:, None] + np.arange(k)]
    return squares[taken], index[taken]
