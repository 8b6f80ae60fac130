"""Point sets of any event shape as checked matrices, one point a row."""

import hashlib

import numpy as np
from jaxtyping import ArrayLike, Int, Real


def as_rows(points: Real[ArrayLike, "..."], name: str) -> Real[np.ndarray, "count d"]:
    """The points flattened to `(count, d)` in their own dtype.

    Raises ValueError unless the shape is `(count, *event)` with at least one value, all of them finite.
    """
    rows = np.asarray(points)
    if rows.ndim == 0 or rows.size == 0:
        raise ValueError(f"`{name}` must have shape (count, *event) and hold a point, but has shape {rows.shape}.")
    # the extremes are NaN or infinite if any value is, and need no array of marks
    if not (np.isfinite(rows.min()) and np.isfinite(rows.max())):
        bad = rows.size - np.count_nonzero(np.isfinite(rows))
        raise ValueError(f"`{name}` must be finite, but {bad} of its {rows.size} values are NaN or infinite.")
    return rows.reshape(len(rows), -1)


def as_row_pair(
    first: Real[ArrayLike, "..."], second: Real[ArrayLike, "..."], names: tuple[str, str]
) -> tuple[Real[np.ndarray, "count d"], Real[np.ndarray, "n d"]]:
    """Two point sets as rows; raises ValueError also where their event shapes differ."""
    rows = as_rows(first, names[0]), as_rows(second, names[1])
    events = np.shape(first)[1:], np.shape(second)[1:]
    if events[0] != events[1]:
        raise ValueError(
            f"`{names[0]}` and `{names[1]}` must hold points of one event shape, but have {events[0]} and {events[1]}."
        )
    return rows


def first_equal(rows: Real[np.ndarray, "count d"]) -> Int[np.ndarray, "count"]:
    """For each row, the index of the first row that equals it in every coordinate: its own where there is no earlier.

    Cost: one pass for a linear hash of 64 bits; rows that share theirs are told apart by digests of 128 bits, which do
    not collide by chance.
    """
    _, inverse, sharing = np.unique(_linear_hash(rows), return_inverse=True, return_counts=True)
    first, seen = np.arange(len(rows)), {}
    for i in np.flatnonzero(sharing[inverse] > 1):
        first[i] = seen.setdefault(hashlib.blake2b(_comparable(rows[i]).tobytes(), digest_size=16).digest(), i)
    return first


def _comparable(rows):
    """Rows that are equal only if their bytes are: adding 0.0 makes 0.0 of -0.0."""
    return np.ascontiguousarray(rows + rows.dtype.type(0))


def _linear_hash(rows):
    """`sum_j w_j b_j` modulo 2^64, the b_j words of at most 4 bytes of a row and the w_j fixed random numbers."""
    size = min(rows.itemsize, 4)
    weights = np.random.default_rng(0).integers(2**64, size=rows.shape[1] * rows.itemsize // size, dtype=np.uint64)
    stride = max(1, 2**18 // len(weights))
    parts = [_comparable(rows[i : i + stride]) for i in range(0, len(rows), stride)]
    return np.concatenate([np.einsum("ij,j->i", part.view(f"u{size}").astype(np.uint64), weights) for part in parts])
