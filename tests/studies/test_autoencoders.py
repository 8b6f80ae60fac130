"""Autoencoders against the minimum that is known, steering against a linear map."""

import jax
import numpy as np
import pytest

from diffmem import data, metrics, studies, theory


@pytest.mark.slow
def test_separated_points_get_one_unit_each():
    points = data.separated(4 * np.eye(8)[:3] + 0.3)
    (found,) = studies.train_autoencoders(
        [points], 12, 0.2, 0.02, key=jax.random.key(0), steps=2500, batch=96, rate=1e-2
    )
    merged = metrics.merged_units(*found)
    assert len(merged.mass) == 3
    directions = points / np.linalg.norm(points, axis=1, keepdims=True)
    owner = (directions @ merged.encoder).argmax(axis=0)
    predicted = theory.memorizing_column_mass((points**2).sum(1), 3, 0.2, 0.02)
    np.testing.assert_allclose(merged.mass, predicted[owner], rtol=0.02)
    np.testing.assert_allclose(metrics.top_energy(merged.code(points)), 1, atol=0.01)


def test_steering_of_a_linear_network():
    """Positive codes only: f = A x, so that k rounds move by (e . A^k e) for u along e."""
    shares = np.array([0.9, 0.5])
    network = studies.Autoencoder(np.eye(2), np.diag(shares))
    x = np.abs(np.random.default_rng(0).normal(size=(30, 2))) + 1
    found = studies.steered(network, x, np.array([2.0, 0.0]), (0.0, 0.5, 1.0), (1, 3))
    np.testing.assert_allclose(found, np.outer([0.9, 0.9**3], [0, 0.5, 1]), atol=1e-12)
    mixed = studies.steered(network, x, np.array([1 / 0.9, 1 / 0.5]), (1.0,), (2,))
    assert mixed[0, 0] == pytest.approx((0.9**2 + 0.5**2) / 2)


def test_units_that_are_off_do_not_answer():
    network = studies.Autoencoder(np.eye(2), np.eye(2))
    found = studies.steered(network, np.full((4, 2), -5.0), np.array([1.0, 1.0]), (1.0,), (1,))
    assert found[0, 0] == 0


def test_a_concept_without_effect_is_refused():
    network = studies.Autoencoder(np.eye(2), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="W2 maps it to 0"):
        studies.steered(network, np.ones((1, 2)), np.ones(2), (1.0,), (1,))
