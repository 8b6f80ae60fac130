"""Autoencoders against the minimum that is known, steering against a linear map."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import theory
from diffmem.level import NoiseLevel
from diffmem.papers.zhang2026.autoencoders import Autoencoder, ReLUAutoencoder, steered, train_autoencoders
from diffmem.papers.zhang2026.training_sets import separated
from diffmem.papers.zhang2026.units import merged_units, top_energy


@pytest.mark.slow
def test_separated_points_get_one_unit_each():
    points = separated(4 * np.eye(8)[:3] + 0.3)
    (found,) = train_autoencoders([points], 12, 0.2, 0.02, key=jax.random.key(0), steps=2500, batch=96, rate=1e-2)
    merged = merged_units(*found)
    assert len(merged.mass) == 3
    directions = points / np.linalg.norm(points, axis=1, keepdims=True)
    owner = (directions @ merged.encoder).argmax(axis=0)
    predicted = theory.memorizing_column_mass((points**2).sum(1), 3, 0.2, 0.02)
    np.testing.assert_allclose(merged.mass, predicted[owner], rtol=0.02)
    np.testing.assert_allclose(top_energy(merged.code(points)), 1, atol=0.01)


def test_steering_of_a_linear_network():
    """Positive codes only: f = A x, so that k rounds move by (e . A^k e) for u along e."""
    shares = np.array([0.9, 0.5])
    network = Autoencoder(np.eye(2), np.diag(shares))
    x = np.abs(np.random.default_rng(0).normal(size=(30, 2))) + 1
    found = steered(network, x, np.array([2.0, 0.0]), (0.0, 0.5, 1.0), (1, 3))
    np.testing.assert_allclose(found, np.outer([0.9, 0.9**3], [0, 0.5, 1]), atol=1e-12)
    mixed = steered(network, x, np.array([1 / 0.9, 1 / 0.5]), (1.0,), (2,))
    assert mixed[0, 0] == pytest.approx((0.9**2 + 0.5**2) / 2)


def test_units_that_are_off_do_not_answer():
    network = Autoencoder(np.eye(2), np.eye(2))
    found = steered(network, np.full((4, 2), -5.0), np.array([1.0, 1.0]), (1.0,), (1,))
    assert found[0, 0] == 0


def test_a_concept_without_effect_is_refused():
    network = Autoencoder(np.eye(2), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="W2 maps it to 0"):
        steered(network, np.ones((1, 2)), np.ones(2), (1.0,), (1,))


def test_autoencoder_formula():
    network = ReLUAutoencoder(4, 7, key=jax.random.key(0))
    x = jnp.asarray([0.3, -1.0, 2.0, 0.1])
    code = np.maximum(np.asarray(network.encoder).T @ np.asarray(x), 0)
    np.testing.assert_allclose(network.code(x), code, rtol=1e-5)
    np.testing.assert_allclose(network(x, NoiseLevel(1.0, 0.2)), np.asarray(network.decoder) @ code, rtol=1e-4)
    np.testing.assert_allclose(network(3 * x), 3 * network(x), rtol=1e-5)  # no biases
    wide = ReLUAutoencoder(100, 400, scale=0.5, key=jax.random.key(0))
    assert np.std(wide.encoder) == pytest.approx(0.05, rel=0.02) and np.std(wide.decoder) == pytest.approx(
        0.05, rel=0.02
    )


def test_a_network_without_inputs_is_refused():
    with pytest.raises(ValueError, match="`size` must be at least 1, but is 0"):
        ReLUAutoencoder(0, 4, key=jax.random.key(0))
