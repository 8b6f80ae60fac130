"""Repeated points are found, and only they."""

import tracemalloc

import jax.numpy as jnp
import numpy as np
import pytest

from diffmem.data.distinct import first_equal


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, jnp.bfloat16, np.uint8, np.int64])
@pytest.mark.parametrize("d", [1, 3, 40])
def test_first_equal_rows(dtype, d):
    rows = np.random.default_rng(d).integers(-1, 2, size=(400, d)).astype(dtype)
    rows[::2] = -rows[::2] if dtype != np.uint8 else rows[::2]  # zeros of both signs are equal
    expected = [next(j for j in range(400) if (rows[j] == row).all()) for row in rows]
    np.testing.assert_array_equal(first_equal(rows), expected)


def test_rows_that_share_a_linear_hash_are_told_apart(monkeypatch):
    from diffmem.data import distinct

    monkeypatch.setattr(distinct, "_linear_hash", lambda points: np.zeros(len(points), np.uint64))
    np.testing.assert_array_equal(first_equal(np.array([[1.0], [2.0], [1.0], [0.0], [-0.0]])), [0, 1, 0, 3, 3])


def test_no_copy_of_the_rows():
    rows = np.random.default_rng(0).standard_normal((64, 100_000), np.float32)
    tracemalloc.start()
    first_equal(rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < rows.nbytes / 5
