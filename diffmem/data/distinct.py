"""Which points are copies of an earlier point."""

import hashlib

import numpy as np
from jaxtyping import Int, Real


def first_equal(rows: Real[np.ndarray, "count d"]) -> Int[np.ndarray, "count"]:
    """For each row, the index of the first row that equals it in every coordinate: its own index if none is earlier.

    Cost: one pass for a linear hash of 64 bits; rows of equal hash are compared by digests of 128 bits.
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
    parts = (_comparable(rows[i : i + stride]) for i in range(0, len(rows), stride))  # one at a time
    return np.concatenate([np.einsum("ij,j->i", part.view(f"u{size}").astype(np.uint64), weights) for part in parts])
