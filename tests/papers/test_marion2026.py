"""Widened training points: from copies to the law, and closed forms of their loss."""

import jax
import numpy as np
import pytest

from diffmem import training
from diffmem.papers.marion2026.experiment import SMOKE, family, widened_distances, widened_losses

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
def test_the_family_starts_with_copies_and_the_least_loss():
    settings = SMOKE._replace(n=60, widths=(0.0, 0.1, 0.36, 2.0), loss_points=30, levels=4)
    _, found = family(settings, jax.random.key(0))
    np.testing.assert_allclose(found.gap, found.to_test - found.to_train, rtol=1e-12)
    np.testing.assert_allclose(found.gap_change, found.gap - found.gap[0], atol=1e-12)
    assert found.copied[0] == 1 and found.edm_loss[0] == found.flat_loss[0] == 1
    assert (found.edm_loss.diff("width") > 0).all() and (found.flat_loss.diff("width") > 0).all()
