"""Separated and repeated points: symmetric orthogonalization by a second formula, its limits, counts of copies."""

import jax.random as jr
import numpy as np
import pytest

from diffmem import data
from diffmem.papers.zhang2026.training_sets import duplicated, orthonormal, separated

POINTS = np.random.default_rng(0).normal(size=(5, 12)) + 0.5


def unit(points):
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def test_orthonormal():
    found = orthonormal(unit(POINTS))
    np.testing.assert_allclose(found @ found.T, np.eye(5), atol=1e-12)
    np.testing.assert_allclose(orthonormal(np.eye(4)[:3]), np.eye(4)[:3], atol=1e-12)


def test_is_the_inverse_root_of_the_gram_matrix():
    u = unit(POINTS)
    values, axes = np.linalg.eigh(u @ u.T)
    expected = (axes / np.sqrt(values)) @ axes.T @ u
    np.testing.assert_allclose(orthonormal(unit(POINTS)), expected, atol=1e-12)


def test_no_other_orthonormal_set_is_nearer():
    u, best = unit(POINTS), orthonormal(unit(POINTS))
    for seed in range(20):
        turn = np.linalg.qr(np.eye(5) + 0.1 * np.random.default_rng(seed).normal(size=(5, 5)))[0]
        assert np.sum((turn @ best - u) ** 2) > np.sum((best - u) ** 2)


def test_points_are_treated_alike():
    order = np.array([3, 1, 4, 0, 2])
    np.testing.assert_allclose(orthonormal(unit(POINTS)[order]), orthonormal(unit(POINTS))[order], atol=1e-12)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_separated_points_are_a_simplex(n):
    found = separated(POINTS[:n])
    cosines = unit(found) @ unit(found).T
    np.testing.assert_allclose(cosines[~np.eye(n, dtype=bool)], -1 / (n - 1), atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), np.linalg.norm(POINTS[:n], axis=1))
    assert ((unit(found) * unit(POINTS[:n])).sum(1) > 0).all()


def test_corners_of_a_simplex_come_back():
    """In their plane three of them are linearly dependent: lifted a little, they are not."""
    corners = separated(np.eye(3) + 0.2)
    np.testing.assert_allclose(unit(corners), unit(np.eye(3) - 1 / 3), atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_is_kept(dtype):
    assert separated(POINTS.astype(dtype)).dtype == dtype
    assert separated(np.eye(3, dtype=int)).dtype == np.float64


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.ones((3, 2)), "linearly independent"),
        (np.ones((2, 4)), "linearly independent"),
        (np.zeros((2, 4)), "point 0 is zero"),
        (np.full((2, 4), np.nan), "must be finite"),
    ],
)
def test_bad_points_are_one_sentence(points, message):
    with pytest.raises(ValueError, match=message):
        separated(points)


def test_one_point_cannot_be_separated():
    with pytest.raises(ValueError, match="at least 2 points to be separated, but hold 1"):
        separated(POINTS[:1])


LAW = data.clusters(40, 3, key=jr.key(0))


def test_counts_and_parts():
    found = duplicated(LAW, 3, 5, 20, key=jr.key(1))
    np.testing.assert_array_equal(found.train.points[:15], np.repeat(found.repeated.points, 5, axis=0))
    np.testing.assert_array_equal(found.train.points[15:], found.unique.points)
    np.testing.assert_array_equal(found.train.labels[:15], np.repeat(found.repeated.labels, 5))
    parts = np.concatenate([found.repeated.points, found.unique.points, found.held_out.points])
    np.testing.assert_array_equal(np.sort(parts, axis=0), np.sort(LAW.points, axis=0))
    _, counts = np.unique(found.train.points, axis=0, return_counts=True)
    assert sorted(counts) == [1] * 20 + [5] * 3
    other = duplicated(LAW, 3, 5, 20, key=jr.key(2))
    assert not np.array_equal(other.repeated.points, found.repeated.points)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((0, 1, 1), "`repeated` must be at least 1"),
        ((1, 0, 1), "`copies` must be"),
        ((20, 1, 20), "must leave some of the 40"),
    ],
)
def test_bad_sizes_of_parts_are_one_sentence(sizes, message):
    with pytest.raises(ValueError, match=message):
        duplicated(LAW, *sizes, key=jr.key(0))
