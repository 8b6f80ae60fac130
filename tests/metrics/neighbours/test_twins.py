"""Near twins: against a rule written a second time by sorting all distances."""

import itertools

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from diffmem.metrics.neighbours.twins import MOST, in_turn, neighbours_beyond, twin_distances

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


@pytest.mark.parametrize("copies", [11, 12, 13, 60, 250])
@pytest.mark.parametrize("pictures", [False, True])
def test_a_point_that_is_repeated_often(copies, pictures):
    """A picture saved many times is one point, by the gap or by single levels; the others have no twins."""
    points = RNG.integers(0, 256, (1500, 40)).astype(float)
    points[300] = 128
    changes = RNG.choice([-1.0, 0.0, 1.0], (copies, 40)) if pictures else 0.1 * RNG.normal(size=(copies, 40))
    both = np.concatenate([points, points[300] + changes])
    found = twin_distances(both, np.arange(len(both)))
    assert found[300] == pytest.approx(np.linalg.norm(changes, axis=1).max(), rel=1e-12)
    group = np.r_[300, 1500 : len(both)]
    np.testing.assert_allclose(found[group], cdist(both[group], both[group]).max(axis=1), rtol=1e-9)
    assert not np.delete(found, group).any()


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_a_dense_part_of_the_law_is_no_repetition(share):
    """Photographs of a plain sky, each in its own shade."""
    dense = RNG.random(400) < share
    points = np.where(dense, 0.02, 1.0)[:, None] * RNG.normal(size=(400, 30))
    assert not twin_distances(points, np.arange(400)).any()


@pytest.mark.parametrize("copies", [60, 300])
def test_a_repeated_point_in_a_dense_part_of_the_law(copies):
    """Of many points with many near neighbours only some are looked at; none that is repeated is passed over."""
    scale = np.r_[np.full(300, 0.2), np.ones(2700)]
    points = scale[:, None] * RNG.normal(size=(3000, 30))
    both = np.concatenate([points, points[17] + 1e-3 * RNG.normal(size=(copies, 30))])
    found = twin_distances(both, np.arange(len(both)))
    group = np.r_[17, 3000 : len(both)]
    np.testing.assert_allclose(found[group], cdist(both[group], both[group]).max(axis=1), rtol=1e-9)
    assert not np.delete(found, group).any()


def test_all_are_settled_in_turn():
    """Those that are looked at include each member of the groups, and some of the others."""
    around = np.arange(1000)[:, None] // 50 * 50 + np.arange(50)
    looked = []

    def look(chosen):
        looked.append(chosen)
        return chosen >= 800  # four groups have twins, sixteen do not

    in_turn(np.arange(1000), around, look)
    found = np.concatenate(looked)
    assert len(np.unique(found)) == len(found) < 300
    assert set(range(800, 1000)) <= set(found) and set(found // 50) == set(range(20))
