"""Distances of pairs of points, differences first, where squares over- or underflow and where integers are long."""

import numpy as np
from jaxtyping import Float, Int, Num, Real, Shaped, UInt

SAFE = (1e-290, 1e300)  # sums of squares whose terms are neither lost nor infinite
EXACT = 2**53  # integers up to which double precision holds each
ENTRIES = 2**20  # differences held at a time


def pair_distances(a: Real[np.ndarray, "pairs d"], b: Real[np.ndarray, "pairs d"]) -> Float[np.ndarray, "pairs"]:
    """Euclidean distances `|a_i - b_i|` in float64, right to rounding also where their squares are no doubles.

    Every row is summed in the same order, so that copies of a point are exactly equally far.
    """
    difference = a.astype(np.float64)
    with np.errstate(over="ignore"):
        difference -= b
        squares = np.square(difference).sum(axis=1)
    found = np.sqrt(squares)
    again = np.flatnonzero((squares < SAFE[0]) | (squares > SAFE[1]))
    if again.size:
        largest = np.abs(difference[again]).max(axis=1)
        unit = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
        found[again] = largest * np.sqrt(np.square(difference[again] / unit[:, None]).sum(axis=1))
        found[again[largest == 0]] = 0.0
    return found


def shifted_integers(
    queries: Num[np.ndarray, "count d"], points: Num[np.ndarray, "n d"]
) -> tuple[Num[np.ndarray, "count d"], Num[np.ndarray, "n d"]]:
    """Both sets less one integer, where both are integers that double precision does not hold; others as they are.

    The result is float64 where that is exact, else of unsigned 64-bit integers.
    """
    if not all(np.issubdtype(side.dtype, np.integer) for side in (queries, points)):
        return queries, points
    low = min(int(queries.min()), int(points.min()))
    high = max(int(queries.max()), int(points.max()))
    if low >= -EXACT and high <= EXACT:
        return queries, points
    # arithmetic modulo 2^64 gives the exact difference, which is positive
    shifted = [np.asarray(side).astype(np.uint64) - np.uint64(low % 2**64) for side in (queries, points)]
    kind = np.dtype(np.float64 if high - low <= EXACT else np.uint64)
    return shifted[0].astype(kind), shifted[1].astype(kind)


def nearest_integers(
    queries: UInt[np.ndarray, "count d"], points: UInt[np.ndarray, "n d"], k: int
) -> tuple[Float[np.ndarray, "count k"], Int[np.ndarray, "count k"]]:
    """The k nearest points of each query by all pairs of exact differences, summed in the longest precision there is.

    Distances and indices. Cost: count x n x d operations of the host.
    """
    stride = max(1, ENTRIES // points.size)
    parts = [_squares(queries[i : i + stride], points) for i in range(0, len(queries), stride)]
    order = [np.argsort(part, axis=1, kind="stable")[:, :k] for part in parts]
    squares = [np.take_along_axis(part, first, axis=1) for part, first in zip(parts, order)]
    return np.sqrt(np.concatenate(squares)).astype(np.float64), np.concatenate(order)


def _squares(queries, points) -> Shaped[np.ndarray, "count n"]:
    a, b = queries[:, None], points[None]
    return np.square(np.where(a > b, a - b, b - a).astype(np.longdouble)).sum(axis=2)
