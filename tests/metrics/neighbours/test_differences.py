"""Distances of pairs in extended precision, and integers of 64 bits."""

import numpy as np
import pytest

from diffmem.metrics.neighbours.differences import nearest_integers, pair_distances, shifted_integers

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("scale", [1e-310, 1e-200, 1e-160, 1.0, 1e160, 1e300])
def test_distances_are_those_of_extended_precision(scale):
    a, b = scale * RNG.normal(size=(20, 7)), scale * RNG.normal(size=(20, 7))
    wide = np.sqrt(np.square(a.astype(np.longdouble) - b).sum(axis=1))
    np.testing.assert_allclose(pair_distances(a, b), wide.astype(float), rtol=1e-14, atol=1e-323)


def test_equal_points_are_at_distance_0():
    a = 1e-300 * RNG.normal(size=(3, 4))
    assert pair_distances(a, a).tolist() == [0, 0, 0]


@pytest.mark.parametrize("kind", [np.int64, np.uint64])
def test_integers_that_doubles_do_not_hold_are_shifted(kind):
    near = np.array([[2**62], [2**62 + 1]], kind)
    a, b = shifted_integers(near[:1], near)
    assert a.dtype == b.dtype == np.float64 and a.tolist() == [[0]] and b.tolist() == [[0], [1]]
    far = np.array([[np.iinfo(kind).min], [np.iinfo(kind).max]], kind)
    assert shifted_integers(far, far)[0].tolist() == [[0], [2**64 - 1]]
    small = np.array([[3], [5]], kind)
    assert shifted_integers(small, small)[1] is small


def test_all_pairs_of_long_integers():
    points = RNG.integers(0, 2**64 - 1, (50, 3), dtype=np.uint64, endpoint=True)
    queries = RNG.integers(0, 2**64 - 1, (4, 3), dtype=np.uint64, endpoint=True)
    distance, index = nearest_integers(queries, points, 5)
    exact = [[sum((int(x) - int(y)) ** 2 for x, y in zip(q, p)) for p in points] for q in queries]
    for row, found, squares in zip(index, distance, exact):
        assert row.tolist() == sorted(range(50), key=squares.__getitem__)[:5]
        np.testing.assert_allclose(found, [squares[i] ** 0.5 for i in row], rtol=1e-15)
