"""Exact nearest neighbours: matrix products find the candidates, direct differences decide."""

from collections import defaultdict
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Real

from ...annotations import Points
from ...checks import check_whole
from ...data.distinct import first_equal
from ...dataframe import rows_as_dataframe
from ...representation import one_line
from . import accelerated
from .differences import EXACT, nearest_integers, pair_distances, shifted_integers
from .rows import as_row_pair
from .screening import Frame, frame, kth_smallest, screening_error

BLOCK = 1024  # rows of a screen: with twice as many columns a matrix of 8 MB, which stays in cache
WAITING = 8  # pairs of a query, for each of its k neighbours, that wait for others before their differences are taken
PAIRS = 2**22  # that wait for others at a time: 100 MB
MANY = 1 / 64  # share of candidate pairs above which a float64 product is cheaper than their differences


class Neighbours(NamedTuple):
    """The k nearest training points of each sample, nearest first."""

    distance: Float[np.ndarray, "count k"]
    """Euclidean distances (not squared), in the units of the data."""
    index: Int[np.ndarray, "count k"]
    """Rows of the training set."""

    to_dataframe = rows_as_dataframe
    __repr__ = one_line


def nearest(samples: Points, train: Points, k: int = 1) -> Neighbours:
    """The k nearest training points of each sample, exactly.

    `distance[i, j] = |samples[i] - train[index[i, j]]|`, ascending in j; equal distances are ordered by index.

    Any event shape; NumPy or JAX arrays of any real dtype. Accuracy: the order and the distances are those of direct
    float64 differences, whatever the block sizes, and a point is at distance 0 of itself. A float32 matrix product of
    centred points selects candidates: all points within its proven rounding bound of the k-th best, whose differences
    are then taken in float64. Large searches run on an accelerator where there is one. Cost: one float32 product of
    (count, d) by (d, n); where many points are at nearly equal distances (duplicates), also a float64 product. Memory:
    up to 0.4 GB of blocks beside the inputs, which keep their dtype. Distances are right also where their squares are
    no doubles, and differences of integers are exact, also of 64 bits.

    Raises ValueError for different event shapes, for NaN or infinite values, and unless 1 <= k <= n.
    """
    queries, points = as_row_pair(samples, train, ("samples", "train"))
    check_whole("k", k)
    if not 1 <= k <= len(points):
        raise ValueError(f"`k` must be between 1 and the {len(points)} points of `train`, but is {k}.")
    if not accelerated.pays(queries, points):
        return Neighbours(*_on_host(*shifted_integers(queries, points), k))
    squares, index, settled = accelerated.search(queries, points, k)
    distance = np.sqrt(squares)
    if not settled.all():
        distance[~settled], index[~settled] = _on_host(queries[~settled], points, k)
    return Neighbours(distance, index.astype(np.int64))


def _on_host(queries: Real[np.ndarray, "count d"], points: Real[np.ndarray, "n d"], k: int):
    """Distances and indices of the k nearest points of each query."""
    if points.dtype == np.uint64 == queries.dtype and max(queries.max(), points.max()) > EXACT:
        return nearest_integers(queries, points, k)
    within, height = frame(queries, points), _height(queries.shape[1])
    # blocks of queries that share a pass over the points
    stride = height * max(1, 2**24 // (height * queries.shape[1]))
    parts = [_search(queries[i : i + stride], points, within, k) for i in range(0, len(queries), stride)]
    return tuple(np.concatenate(part) for part in zip(*parts))


def expanded_squares(a: Float[np.ndarray, "count d"], b: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "count n"]:
    """`|a|^2 + |b|^2 - 2 a.b`: squared distances by one matrix product, wrong by up to `expansion_error`."""
    return _squared_norms(a)[:, None] + _squared_norms(b)[None, :] - 2 * a @ b.T


def expansion_error(a: Float[np.ndarray, "count d"], b: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "count"]:
    """Bound on the error of each row of `expanded_squares`: `(d + 8) eps (|a| + max |b|)^2`, twice the worst case."""
    reach = np.sqrt(_squared_norms(a)) + np.sqrt(_squared_norms(b).max())
    return (a.shape[1] + 8) * np.finfo(np.float64).eps * reach**2


def _squared_norms(rows):
    return np.einsum("ij,ij->i", rows, rows)


def _height(d):
    """Rows of a block of queries; a block of points has twice as many."""
    return min(BLOCK, max(64, 2**22 // d))


def _search(queries, points, within: Frame, k):
    """Distances and indices of the k nearest points of the queries, in one pass over the points.

    The pass finds pairs that may be among the nearest by bounds on their distances. They wait: differences are taken
    only of pairs that are still among them when the bounds of all points are known, or when too many wait.
    """
    height = _height(queries.shape[1])
    most = min(WAITING * k * height, PAIRS * height // len(queries))
    distance, index = np.full((len(queries), k), np.inf), np.full((len(queries), k), len(points))
    bound = distance.copy()  # upper bounds of the k least squared distances, in the units of the frame
    waiting = defaultdict(list)
    for part, start, screen in _one_ahead(_screens(queries, points, within, height)):
        screened, squares, error = np.asarray(screen[0]), *screen[1:]
        block, limit = points[start : start + 2 * height], bound[part, -1]
        near = _near(screened, (limit - squares) / 2 + error, error, k)
        rows, columns = _narrowed(near, queries[part], block, within, limit, k)
        square, slack = 2 * screened[rows, columns].astype(np.float64) + squares[rows], 2 * error[rows]
        pairs = waiting[part.start]
        pairs.append((rows, columns + start, square - slack))
        if start + len(block) == len(points) or sum(len(some[0]) for some in pairs) > most:
            rows, columns, least = (np.concatenate(some) for some in zip(*waiting.pop(part.start)))
            left = least <= bound[part, -1][rows]
            found = _direct(queries[part], points, rows[left], columns[left])
            distance[part], index[part] = _merge(distance[part], index[part], rows[left], columns[left], found)
            bound[part] = np.square(distance[part] * within.scale)
        else:
            bound[part] = _merge(bound[part], index[part], rows, columns, square + slack)[0]
    return distance, index


def _screens(queries, points, within, height):
    """Every block of queries against every block of points, the queries running faster."""
    parts = [slice(i, i + height) for i in range(0, len(queries), height)]
    placed = [within.place(queries[part]) for part in parts]
    for start in range(0, len(points), 2 * height):
        block = within.place(points[start : start + 2 * height])
        for part, a in zip(parts, placed):
            yield part, start, (within.screened(a, block), a.squares, screening_error(a, block))


def _one_ahead(items):
    """The items, each requested one step early: XLA computes the next product while NumPy reads this one."""
    current = next(items)
    for following in items:
        yield current
        current = following
    yield current


def _near(screened, limit, error, k):
    """Pairs that may be among the k nearest: those screened up to the limit, or up to the k-th of this block."""
    near = _at_most(screened, limit)
    if k <= screened.shape[1] and np.count_nonzero(near) > 4 * k * len(near):
        near = _at_most(screened, np.minimum(limit, kth_smallest(screened, k) + 2 * error))
    return near


def _at_most(screened, limit):
    return screened <= limit.astype(screened.dtype)[:, None]


def _narrowed(near, queries, block, within, bound, k):
    """Rows and columns of the candidate pairs; too many are screened again in float64, then rid of repeated points."""
    if np.count_nonzero(near) > MANY * near.size:
        a, b = ((side.astype(np.float64) - within.centre) * within.scale for side in (queries, block))
        screened, error = expanded_squares(a, b), expansion_error(a, b)
        limit = bound + error
        if k <= len(block):
            limit = np.minimum(limit, kth_smallest(screened, k) + 2 * error)
        near = near & (screened <= limit[:, None])
        if np.count_nonzero(near) > MANY * near.size:
            near &= _earlier_copies(block) < k
    return np.divmod(np.flatnonzero(near), near.shape[1])


def _earlier_copies(block):
    """How many earlier rows equal each row: a row with k such copies is never among the k nearest."""
    first = first_equal(block)
    order = np.argsort(first, kind="stable")
    counts = np.empty(len(first), np.int64)
    counts[order] = np.arange(len(first)) - np.searchsorted(first[order], first[order])
    return counts


def _direct(queries, points, rows, columns):
    """Distances of the listed pairs, the differences first."""
    stride = max(1, 2**17 // queries.shape[1])
    pieces = [slice(i, i + stride) for i in range(0, len(rows), stride)]
    found = [pair_distances(queries[rows[piece]], points[columns[piece]]) for piece in pieces]
    return np.concatenate([np.empty(0), *found])


def _merge(distance, index, rows, columns, found):
    """The k best of each row among those held and those found, ordered by distance and then by index."""
    count, k = distance.shape
    rows = np.concatenate([np.repeat(np.arange(count), k), rows])
    distance, index = np.concatenate([distance.ravel(), found]), np.concatenate([index.ravel(), columns])
    order = np.lexsort((index, distance, rows))
    first = np.searchsorted(rows[order], np.arange(count))
    taken = order[first[:, None] + np.arange(k)]
    return distance[taken], index[taken]
