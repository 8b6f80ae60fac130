"""Separated points are a simplex near the given ones; a hybrid set holds its copies and its parts."""

import jax
import numpy as np
import pytest

from diffmem.papers.zhang2026.autoencoders import unit
from diffmem.papers.zhang2026.experiment import SMOKE, hybrid, separated

POINTS = np.random.default_rng(0).normal(size=(5, 12)) + 0.5


@pytest.mark.parametrize("n", [2, 3, 5])
def test_separated_points_are_a_simplex(n):
    found = separated(POINTS[:n])
    cosines = unit(found) @ unit(found).T
    np.testing.assert_allclose(cosines[~np.eye(n, dtype=bool)], -1 / (n - 1), atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), np.linalg.norm(POINTS[:n], axis=1))
    assert ((unit(found) * unit(POINTS[:n])).sum(1) > 0).all()


def test_separation_is_by_the_inverse_root_of_the_gram_matrix():
    values, axes = np.linalg.eigh(unit(POINTS) @ unit(POINTS).T)
    orthonormal = (axes / np.sqrt(values)) @ axes.T @ unit(POINTS)
    np.testing.assert_allclose(unit(separated(POINTS)), unit(orthonormal - orthonormal.mean(0)), atol=1e-12)


def test_counts_of_a_hybrid():
    settings = SMOKE._replace(repeated=3, copies=5, unique=20, queries=4)
    found = hybrid(settings, jax.random.key(0))
    _, counts = np.unique(found.train, axis=0, return_counts=True)
    assert sorted(counts) == [1] * 20 + [5] * 3
    assert found.classes.shape == (20,) and found.held_out.shape == (1797 - 23, 64)
    noise = found.memorized - np.repeat(found.train[:15:5], 4, axis=0)
    assert noise.std() == pytest.approx(0.2, rel=0.1)
    assert (found.generalized - found.train[15:]).std() == pytest.approx(0.2, rel=0.1)
