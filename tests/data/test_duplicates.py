import jax.random as jr
import numpy as np
import pytest

from diffmem import data

LAW = data.clusters(40, 3, key=jr.key(0))


def test_counts_and_parts():
    found = data.duplicated(LAW, 3, 5, 20, key=jr.key(1))
    np.testing.assert_array_equal(found.train.points[:15], np.repeat(found.repeated.points, 5, axis=0))
    np.testing.assert_array_equal(found.train.points[15:], found.unique.points)
    np.testing.assert_array_equal(found.train.labels[:15], np.repeat(found.repeated.labels, 5))
    parts = np.concatenate([found.repeated.points, found.unique.points, found.held_out.points])
    np.testing.assert_array_equal(np.sort(parts, axis=0), np.sort(LAW.points, axis=0))
    _, counts = np.unique(found.train.points, axis=0, return_counts=True)
    assert sorted(counts) == [1] * 20 + [5] * 3
    other = data.duplicated(LAW, 3, 5, 20, key=jr.key(2))
    assert not np.array_equal(other.repeated.points, found.repeated.points)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((0, 1, 1), "`repeated` must be at least 1"),
        ((1, 0, 1), "`copies` must be"),
        ((20, 1, 20), "must leave some of the 40"),
    ],
)
def test_bad_sizes_are_one_sentence(sizes, message):
    with pytest.raises(ValueError, match=message):
        data.duplicated(LAW, *sizes, key=jr.key(0))
