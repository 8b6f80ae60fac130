"""Symmetric orthogonalization: what it promises, a second formula, its limits."""

import numpy as np
import pytest

from diffmem import data

POINTS = np.random.default_rng(0).normal(size=(5, 12)) + 0.5


def unit(points):
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def test_orthogonal_points_of_the_given_norms():
    found = data.orthogonalized(POINTS)
    np.testing.assert_allclose(found @ found.T, np.diag((POINTS**2).sum(1)), atol=1e-12)


def test_is_the_inverse_root_of_the_gram_matrix():
    u = unit(POINTS)
    values, axes = np.linalg.eigh(u @ u.T)
    expected = (axes / np.sqrt(values)) @ axes.T @ u
    np.testing.assert_allclose(unit(data.orthogonalized(POINTS)), expected, atol=1e-12)


def test_no_other_orthonormal_set_is_nearer():
    u, best = unit(POINTS), unit(data.orthogonalized(POINTS))
    for seed in range(20):
        turn = np.linalg.qr(np.eye(5) + 0.1 * np.random.default_rng(seed).normal(size=(5, 5)))[0]
        assert np.sum((turn @ best - u) ** 2) > np.sum((best - u) ** 2)


def test_points_are_treated_alike():
    order = np.array([3, 1, 4, 0, 2])
    np.testing.assert_allclose(data.orthogonalized(POINTS[order]), data.orthogonalized(POINTS)[order], atol=1e-12)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_separated_points_are_a_simplex(n):
    found = data.separated(POINTS[:n])
    cosines = unit(found) @ unit(found).T
    np.testing.assert_allclose(cosines[~np.eye(n, dtype=bool)], -1 / (n - 1), atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), np.linalg.norm(POINTS[:n], axis=1))
    assert ((unit(found) * unit(POINTS[:n])).sum(1) > 0).all()


def test_a_simplex_and_an_orthogonal_set_stay():
    for points, function in ((3 * np.eye(4)[:3], data.orthogonalized), (np.eye(3) - 1 / 3, None)):
        if function is not None:
            np.testing.assert_allclose(function(points), points, atol=1e-12)
    # three corners of a simplex in their plane are dependent: lift them a little, and they come back
    corners = data.separated(np.eye(3) + 0.2)
    np.testing.assert_allclose(unit(corners), unit(np.eye(3) - 1 / 3), atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_is_kept(dtype):
    assert data.separated(POINTS.astype(dtype)).dtype == dtype
    assert data.orthogonalized(np.eye(3, dtype=int)).dtype == np.float64


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.ones((3, 2)), "linearly independent"),
        (np.ones((2, 4)), "linearly independent"),
        (np.zeros((1, 4)), "point 0 is zero"),
        (np.full((2, 4), np.nan), "must be finite"),
    ],
)
def test_bad_points_are_one_sentence(points, message):
    with pytest.raises(ValueError, match=message):
        data.orthogonalized(points)


def test_one_point_cannot_be_separated():
    with pytest.raises(ValueError, match="at least 2 points to be separated, but hold 1"):
        data.separated(POINTS[:1])
