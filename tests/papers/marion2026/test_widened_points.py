"""Widened training points: closed forms of their loss, and the empirical denoiser at width 0."""

import jax
import numpy as np
import pytest

from diffmem import scores, training
from diffmem.papers.marion2026.widened_points import widened, widened_distances, widened_losses

FAR = np.array([[-50.0, 0.0], [50.0, 0.0], [0.0, 50.0]])


def test_loss_of_points_far_apart():
    """Every point is alone: D - y = (v/(v + sigma^2)) sigma z, so losses go as the square of that factor."""
    objective = training.ScoreMatching(training.Fixed(1.0, 0.5))
    found = widened_losses(FAR, np.array([0.2, 0.5, 2.0]), objective, key=jax.random.key(0), levels=3, points=3)
    shrink = np.array([0.2, 0.5, 2.0]) / (np.array([0.2, 0.5, 2.0]) + 0.25)
    np.testing.assert_allclose(found, (shrink / shrink[0]) ** 2, rtol=1e-4)


def test_distances_of_the_family():
    keys = {"sample_key": jax.random.key(0), "direction_key": jax.random.key(1)}
    points = jax.random.normal(jax.random.key(2), (200, 4))
    found = widened_distances(points, points, np.array([0.0, 4.0]), **keys)
    assert found[0, 0] == 1 and found[0, 1] < 0.2
    np.testing.assert_array_equal(found[1], found[2])
    assert found[1, 1] > 2 * found[1, 0]


@pytest.mark.slow
def test_variance_zero_is_the_empirical_denoiser():
    points = jax.random.normal(jax.random.key(0), (30, 2))
    x, level = points[0] + 0.1, training.Fixed(1.0, 0.3).at(0.5)
    exact = scores.Empirical(points).denoise(x, level)
    np.testing.assert_allclose(widened(points, 0.0).denoise(x, level), exact, atol=1e-5)
