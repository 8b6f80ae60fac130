"""Autoencoders against the minimum that is known, merged units, statistics of codes, steering of a linear map."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import theory
from diffmem.level import NoiseLevel
from diffmem.papers.zhang2026.autoencoders import SIGMA, Autoencoder, steered, top_energy, train_autoencoders
from diffmem.papers.zhang2026.experiment import separated

RNG = np.random.default_rng(0)
NETWORK = Autoencoder(*RNG.normal(size=(2, 6, 3)))
X = RNG.normal(size=(50, 6))


@pytest.mark.slow
def test_separated_points_get_one_unit_each():
    points = separated(4 * np.eye(8)[:3] + 0.3)
    (found,) = train_autoencoders([points], 12, 0.02, key=jax.random.key(0), steps=5000, batch=96)
    merged = found.merged()
    assert len(merged.mass) == 3
    directions = points / np.linalg.norm(points, axis=1, keepdims=True)
    owner = (directions @ merged.encoder).argmax(axis=0)
    predicted = theory.memorizing_column_mass((points**2).sum(1), 3, SIGMA, 0.02)
    np.testing.assert_allclose(merged.mass, predicted[owner], rtol=0.02)
    np.testing.assert_allclose(top_energy(merged.code(points)), 1, atol=0.01)


def test_formula():
    """One formula for arrays of NumPy and JAX, for one point and for many."""
    expected = NETWORK.decoder @ np.maximum(NETWORK.encoder.T @ X[0], 0)
    np.testing.assert_allclose(NETWORK(X)[0], expected)
    traced = jax.jit(lambda x: Autoencoder(*map(jnp.asarray, NETWORK))(x, NoiseLevel(1.0, 0.2)))
    np.testing.assert_allclose(traced(X[0]), expected, rtol=1e-4)


def test_energy_by_hand():
    codes = np.array([[0.0, 3.0, 0.0, 0.0], [2.0, 2.0, 2.0, 2.0], [0.0, 3.0, 4.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    np.testing.assert_allclose(top_energy(codes), [1, 0.25, 0.64, 0])


def test_split_units_are_merged_without_a_trace():
    """Each unit in several pieces, balanced as the penalty has it: mass, function and energy are those of the whole."""
    shares = [(0, 0.5), (0, 0.2), (0, 0.3), (1, 1.0), (2, 0.9), (2, 0.1)]
    balance = np.sqrt(np.linalg.norm(NETWORK.decoder, axis=0) / np.linalg.norm(NETWORK.encoder, axis=0))
    whole = Autoencoder(NETWORK.encoder * balance, NETWORK.decoder / balance)
    pieces = Autoencoder(*(np.stack([share**0.5 * part[:, k] for k, share in shares], axis=1) for part in whole))
    found = pieces.merged()
    for merged, one in zip(found, whole):
        np.testing.assert_allclose(merged, one, atol=1e-12)
    np.testing.assert_allclose(pieces(X), found(X), atol=1e-12)
    np.testing.assert_allclose((found.code(X) ** 2).sum(1), (pieces.code(X) ** 2).sum(1))


def test_the_function_stays_when_units_are_out_of_balance():
    scale = np.array([10.0, 0.1, 3.0])
    twice = Autoencoder(np.hstack([NETWORK.encoder * scale, NETWORK.encoder]), np.hstack([NETWORK.decoder / scale] * 2))
    found = twice.merged()
    assert found.mass.shape == (3,)
    np.testing.assert_allclose(twice(X), found(X), atol=1e-12)


def test_small_units_are_left_out_and_different_ones_stay():
    columns = np.eye(4)[:, :3] * np.sqrt([1.0, 0.5, 1e-4])
    np.testing.assert_allclose(Autoencoder(columns, columns).merged().mass, [1, 0.5])
    opposite = np.array([[1.0, -1.0]])
    assert Autoencoder(opposite, opposite).merged().mass.shape == (2,)
    for angle, count in ((0.1, 1), (0.2, 2)):  # cosines .995 and .98
        turned = np.array([[1.0, np.cos(angle)], [0.0, np.sin(angle)]])
        assert Autoencoder(turned, turned).merged().mass.shape == (count,)


def test_steering_of_a_linear_network():
    """Positive codes only: f = A x, so that k rounds move by (e . A^k e) for u along e."""
    shares = np.array([0.9, 0.5])
    network = Autoencoder(np.eye(2), np.diag(shares))
    x = np.abs(RNG.normal(size=(30, 2))) + 1
    found = steered(network, x, np.array([2.0, 0.0]), (0.0, 0.5, 1.0), (1, 3))
    np.testing.assert_allclose(found, np.outer([0.9, 0.9**3], [0, 0.5, 1]), atol=1e-12)
    mixed = steered(network, x, np.array([1 / 0.9, 1 / 0.5]), (1.0,), (2,))
    assert mixed[0, 0] == pytest.approx((0.9**2 + 0.5**2) / 2)


def test_units_that_are_off_do_not_answer():
    network = Autoencoder(np.eye(2), np.eye(2))
    found = steered(network, np.full((4, 2), -5.0), np.array([1.0, 1.0]), (1.0,), (1,))
    assert found[0, 0] == 0
