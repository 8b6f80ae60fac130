"""Near twins: against a rule written a second time by sorting all distances."""

import itertools

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from diffmem.metrics.neighbours.twins import MOST, neighbours_beyond, twin_distances

RNG = np.random.default_rng(4)


def gaps(points, share):
    """The distance of the farthest twin of each point, for a given share."""
    found = []
    for row in cdist(points, points):
        near = np.sort(row)[1 : MOST + 2]
        twins = [a for a, b in itertools.pairwise(near) if a < share * b]
        found.append(max(twins, default=0.0))
    return np.array(found)


@pytest.mark.parametrize(("d", "share"), [(8, 1 / 3), (20, 1 / 3)])
def test_in_high_dimension_a_twin_is_nearer_than_a_third(d, share):
    points = RNG.normal(size=(60, d))
    points = np.concatenate(
        [points, points[:9] + 0.01 * RNG.normal(size=(9, d)), points[:3] + 0.01 * RNG.normal(size=(3, d))]
    )
    found = twin_distances(points, np.arange(len(points)), 1 / 3)
    np.testing.assert_allclose(found, gaps(points, share), rtol=1e-12)
    assert (found > 0).sum() == 9 + 9 + 3


def test_few_points_and_low_dimension_need_nearer_twins():
    for near, twin in ((1e-2, False), (1e-4, True)):
        few = np.array([[0.0], [near], [1.0]])
        np.testing.assert_allclose(twin_distances(few, np.arange(3)), [near * twin, near * twin, 0])
    line = np.sort(RNG.uniform(size=2000))[:, None]
    assert np.mean(twin_distances(line, np.arange(2000)) > 0) < 0.004  # .001 on each side by chance


def test_scattered_points_have_twins_as_rarely_as_stated():
    for d in (2, 4):
        points = RNG.normal(size=(4000, d))
        assert np.mean(twin_distances(points, np.arange(4000), ratio=1.0) > 0) < 0.004


def test_points_of_a_lattice_are_no_twins():
    grid = np.stack(np.meshgrid(*[np.arange(5.0)] * 3), axis=-1).reshape(-1, 3)
    assert not twin_distances(grid, np.arange(len(grid))).any()
    binary = RNG.integers(0, 2, (300, 20)).astype(float)
    assert not twin_distances(np.unique(binary, axis=0), np.arange(50)).any()


@pytest.mark.parametrize(
    ("size", "spread", "tight"), [(4, 0.5, False), (10, 0.5, False), (4, 0.02, True), (10, 0.02, False)]
)
def test_groups_are_twins_if_they_are_small_and_tight(size, spread, tight):
    """Pictures of each of thirty people; ten of each are a law of their own."""
    people = RNG.normal(size=(30, 1, 40))
    points = (people + spread * RNG.normal(size=(30, size, 40))).reshape(-1, 40)
    found = twin_distances(points, np.arange(len(points))) > 0
    assert found.all() if tight else not found.any()


def test_one_level_of_images():
    images = RNG.integers(0, 17, (200, 64))
    shifted = np.clip(images[:50] + RNG.choice([-1, 1], (50, 64)), 0, 16)
    both = np.concatenate([images, shifted]) / 8 - 1
    found = twin_distances(both, np.arange(50))
    np.testing.assert_allclose(found, np.linalg.norm(images[:50] - shifted, axis=1) / 8)
    assert not twin_distances(both, np.arange(50, 200)).any()


def test_neighbours_beyond_twins():
    points = np.array([[0.0], [0.1], [-0.1], [2.0], [5.0]])
    distance, passed = neighbours_beyond(np.array([[0.3], [3.0]]), points, np.array([1, 3]), np.array([0.25, 0.0]), 2)
    np.testing.assert_allclose(distance, [[1.7, 4.7], [2.0, 2.9]])
    assert passed.tolist() == [2, 0]
    with pytest.raises(ValueError, match=r"`train` must hold 4 distinct points that are no twins, but holds 3\.$"):
        neighbours_beyond(np.array([[0.3]]), points, np.array([1]), np.array([0.25]), 3)


def test_many_twins_are_passed():
    points = np.concatenate([1e-3 * RNG.normal(size=(100, 2)), [[3.0, 4.0]]])
    distance, passed = neighbours_beyond(np.zeros((1, 2)), points, np.array([0]), np.array([1.0]), 1)
    np.testing.assert_allclose(distance, 5)
    assert passed == 99
