"""Ranges of pixels: taken from the data or said, with both ends exact."""

import numpy as np
import pytest

from diffmem.data.pixels import checked_range, from_range, range_of


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("ends", [(0.0, 255.0), (0.0, 16.0), (0.0, 1.0), (3.0, 10.0)])
def test_both_ends_are_exact(dtype, ends):
    values = np.array([ends[0], ends[1], ends[0] + 1]).astype(dtype)
    found = from_range(values, ends)
    assert found[:2].tolist() == [-1, 1]
    assert found[2] == pytest.approx(2 / (ends[1] - ends[0]) - 1, rel=1e-6)
    assert found.dtype == (np.float64 if dtype == np.float64 else np.float32)


def test_large_integers_are_not_rounded_first():
    values = 2**40 + np.arange(3)
    np.testing.assert_array_equal(from_range(values, (2.0**40, 2.0**40 + 2)), [-1, 0, 1])


@pytest.mark.parametrize(
    ("dtype", "largest", "top"),
    [
        ("u1", 255, 255),
        ("u1", 128, 255),
        ("u1", 127, 127),
        ("u1", 16, 16),
        ("u1", 1, 1),
        ("u1", 0, 255),
        ("u2", 4095, 4095),
        ("u2", 40000, 65535),
    ],
)
def test_the_range_that_pixels_are_taken_to_have(dtype, largest, top):
    assert range_of(np.array([0, largest], dtype)) == (0, top)


@pytest.mark.parametrize("ends", [(1, 1), (2, 1), (0, np.inf), (np.nan, 1)])
def test_what_is_no_range(ends):
    with pytest.raises(ValueError, match=r"^`range` must be two finite numbers, the lower one first"):
        checked_range(ends)


def test_values_beyond_the_range():
    with pytest.raises(ValueError, match=r"`range` must hold the values, which run from 0 to 17, but is 0 to 16\."):
        from_range(np.array([0, 17]), (0.0, 16.0))
    with pytest.raises(ValueError, match="`range` must hold the values"):
        from_range(np.array([0.0, 255.0]), (0.0, 1.0))
    np.testing.assert_allclose(from_range(np.array([-0.05, 1.05]), (0.0, 1.0)), [-1.1, 1.1])  # samples overshoot
    kept = np.array([-1.02, 1.0], np.float32)
    assert from_range(kept, (-1.0, 1.0)) is kept
