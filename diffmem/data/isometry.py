"""Orthonormal coordinates of the span of points, computed in blocks by triangular (QR) factors.

A Gram matrix would be simpler, but squares the condition number. An orthonormal basis Q of the span is kept as a triple
(rows, pivots, triangle), the frame: `Q = rows[pivots].T @ inverse(triangle)`. The rows are the points themselves where
this product is accurate, and else Q^T, with the identity as triangle.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int, Real

BLOCK = 2**23  # entries held in float64 at a time: 64 MiB; smaller ones wait for more threads
PANEL = 32  # columns that LAPACK factors at a time: the fastest of 32 and 64 for a thousand points
RESOLUTION = 1e-12  # part of its norm by which a point may move when directions are dropped; rounding is a few 1e-15
ACCURACY = {np.dtype(np.float32): 6e-8, np.dtype(np.float64): 1e-10}  # of combinations, else a basis is stored

Frame = tuple[Real[np.ndarray, "rows d"], Int[np.ndarray, " r"], Float[np.ndarray, "r r"]]


def row_norms(points: Real[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
    """Euclidean norms of the rows in float64, not finite where an entry is not; scaled, so that no square overflows."""
    parts = []
    for rows in _blocks(*points.shape[::-1]):
        block = points[rows].astype(np.float64)
        scale = np.abs(block).max(axis=1, keepdims=True)
        with np.errstate(invalid="ignore", over="ignore"):
            block /= np.where(scale > 0, scale, 1)
            parts.append(scale[:, 0] * np.linalg.norm(block, axis=1))
    return np.concatenate(parts)


def along_points(points: Real[np.ndarray, "n d"], norms: Float[np.ndarray, " n"], dtype: np.dtype) -> tuple:
    """Coordinates (n, r) and a frame for n < d: triangular in the order in which pivoting takes the points."""
    from scipy.linalg import qr

    n, d = points.shape
    lengths = np.where(norms > 0, norms, 1)
    factor = _triangular_factor(n, (points[:, columns] / lengths[:, None] for columns in _blocks(n, d)))
    factor, order = qr(factor, mode="r", pivoting=True, overwrite_a=True)  # pyright: ignore[reportAssignmentType]
    rank = np.count_nonzero(np.abs(factor.diagonal()) > RESOLUTION)
    if rank == 0:
        return _origin(points, dtype)
    factor, pivots = factor[:rank], order[:rank]
    factor *= np.sign(factor.diagonal())[:, None]
    coordinates = np.empty((n, rank), dtype)
    coordinates[order] = (factor * lengths[order]).T
    triangle = factor[:, :rank] * lengths[pivots]
    if np.finfo(np.float64).eps * _condition(factor[:, :rank]) <= ACCURACY[dtype]:
        return coordinates, (points, pivots, triangle)
    return coordinates, (_basis(points, pivots, triangle, dtype), np.arange(rank), np.eye(rank))


def along_axes(points: Real[np.ndarray, "n d"], norms: Float[np.ndarray, " n"], dtype: np.dtype) -> tuple:
    """Coordinates (n, r) and a frame for n >= d: the points as they are, or on their right singular vectors."""
    n, d = points.shape
    lengths = np.where(norms > 0, norms, 1)
    factor = _triangular_factor(d, ((points[rows] / lengths[rows, None]).T for rows in _blocks(d, n)))
    # implied by singular values above the threshold below, as rows of norm 1 make the largest at least sqrt(n/d)
    if _condition(factor) * d**1.5 < 1 / RESOLUTION:
        return points.astype(dtype, copy=False).view(), (np.eye(d), np.arange(d), np.eye(d))
    _, values, axes = np.linalg.svd(factor)
    rank = np.count_nonzero(values > RESOLUTION * n**0.5)
    if rank == 0:
        return _origin(points, dtype)
    basis = axes[:rank]
    coordinates = np.concatenate([(points[rows] @ basis.T).astype(dtype) for rows in _blocks(d, n)])
    return coordinates, (basis, np.arange(rank), np.eye(rank))


def combinations(coordinates: Float[np.ndarray, "m r"], frame: Frame, dtype: np.dtype) -> Float[np.ndarray, "m d"]:
    """`Q c` for each row c; the solve is backward stable, so points come back to rounding whatever the condition."""
    from scipy.linalg import solve_triangular

    rows, pivots, triangle = frame
    weights = solve_triangular(triangle, coordinates.T).T
    out = np.empty((len(coordinates), rows.shape[1]), dtype)
    for columns in _blocks(len(pivots) + len(out), rows.shape[1]):
        out[:, columns] = weights @ rows[pivots, columns].astype(np.float64)
    return out


def inner_products(x: Real[np.ndarray, "m d"], frame: Frame) -> Float[np.ndarray, "m r"]:
    """`Q^T x` for each row x."""
    from scipy.linalg import solve_triangular

    rows, pivots, triangle = frame
    inner = np.zeros((len(x), len(pivots)))
    for columns in _blocks(len(pivots) + len(x), x.shape[1]):
        inner += x[:, columns].astype(np.float64) @ rows[pivots, columns].astype(np.float64).T
    return solve_triangular(triangle, inner.T, trans="T").T


def _triangular_factor(k: int, blocks: Iterator[np.ndarray]) -> Float[np.ndarray, "k k"]:
    """R of the orthogonal-triangular factors of a tall matrix of k columns, from blocks (k, rows) of its transpose."""
    from scipy.linalg import lapack

    factor = np.zeros((k, k), order="F")
    for block in blocks:
        # the transpose of a C-ordered array is ordered as LAPACK wants it: factored in place
        columns = np.ascontiguousarray(block, np.float64).T
        factor, *_ = lapack.dtpqrt(0, min(PANEL, k), factor, columns, overwrite_a=True, overwrite_b=True)
    return factor


def _condition(triangle: Float[np.ndarray, "r r"]) -> float:
    from scipy.linalg import lapack

    reciprocal, _ = lapack.dtrcon(triangle)
    return 1 / max(float(reciprocal), np.finfo(np.float64).tiny)


def _basis(
    points: Real[np.ndarray, "n d"], pivots: Int[np.ndarray, " r"], triangle: Float[np.ndarray, "r r"], dtype: np.dtype
) -> Float[np.ndarray, "r d"]:
    """Q^T stored: the combinations of the points, orthonormalised once more."""
    from scipy.linalg import cholesky, solve_triangular

    def combined(columns: slice) -> np.ndarray:
        return solve_triangular(triangle, points[pivots, columns].astype(np.float64), trans="T")

    parts = _blocks(len(pivots), points.shape[1])
    gram = np.zeros(triangle.shape)
    for columns in parts:
        rows = combined(columns)
        gram += rows @ rows.T
    lower = cholesky(gram, lower=True)
    basis = np.empty((len(pivots), points.shape[1]), dtype)
    for columns in parts:
        basis[:, columns] = solve_triangular(lower, combined(columns), lower=True)
    return basis


def _origin(points: Real[np.ndarray, "n d"], dtype: np.dtype) -> tuple:
    """All points zero: any one direction, here the first axis."""
    return np.zeros((len(points), 1), dtype), (np.eye(1, points.shape[1]), np.arange(1), np.eye(1))


def _blocks(width: int, length: int) -> list[slice]:
    """Slices of `length` of which each, times `width`, holds at most BLOCK entries."""
    size = max(1, BLOCK // width)
    return [slice(start, start + size) for start in range(0, length, size)]
