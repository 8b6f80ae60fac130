"""Blocked records by the posterior weights themselves, and blocked units by a network without them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import mitigations, networks, scores
from diffmem.level import NoiseLevel

RNG = np.random.default_rng(3)
POINTS, X, LEVEL = RNG.normal(size=(9, 4)), jnp.asarray(RNG.normal(size=4)), NoiseLevel(0.8, 0.6)
BLOCKED = np.arange(9) % 3 == 1


@pytest.mark.parametrize("weights", [None, RNG.uniform(size=9)])
def test_records_that_are_left_keep_their_posterior_weights(weights):
    empirical = scores.Empirical(POINTS, weights)
    logits = -((np.asarray(X) - 0.8 * POINTS) ** 2).sum(1) / (2 * 0.36) + np.log(np.asarray(empirical.prior()))
    p = np.exp(logits - np.logaddexp.reduce(logits))
    found = mitigations.BlockedRecords(empirical, BLOCKED).denoise(X, LEVEL)
    np.testing.assert_allclose(found, (p * ~BLOCKED) @ POINTS, atol=1e-6)


def test_both_ends():
    empirical = scores.Empirical(POINTS)
    none, every = (mitigations.BlockedRecords(empirical, np.full(9, value)) for value in (False, True))
    np.testing.assert_allclose(none.denoise(X, LEVEL), empirical.denoise(X, LEVEL), atol=1e-6)
    np.testing.assert_array_equal(every.denoise(X, LEVEL), np.zeros(4))


def test_records_are_blocked_given_a_prompt_and_under_jit():
    prompted = scores.PromptedEmpirical(POINTS, RNG.normal(size=(9, 2)), np.zeros(2), 0.7)

    @eqx.filter_jit
    def found(blocked):
        return mitigations.BlockedRecords(prompted.conditional, blocked).denoise(X, LEVEL)

    parts = found(jnp.asarray(BLOCKED)) + found(jnp.asarray(~BLOCKED))
    np.testing.assert_allclose(parts, prompted.denoise(X, LEVEL), atol=1e-6)


@pytest.mark.slow
def test_blocked_units_are_as_if_they_were_not_there():
    network = networks.ResidualMLP(4, 6, key=jax.random.key(0))
    score = scores.Learned(network, scores.predictions.Signal(1.0))
    blocked = np.array([True, False, False, True, False, False])
    units = networks.layer_input(score, lambda s: s.network.last, lambda s: s.evaluate(X, LEVEL))
    by_hand = network.last(jnp.where(jnp.asarray(blocked), 0, units))
    found = mitigations.deactivated(score, lambda s: s.network.last, blocked)
    np.testing.assert_allclose(found.denoise(X, LEVEL), by_hand, atol=1e-6)


def test_channels_of_a_convolution():
    layer = eqx.nn.Conv2d(3, 2, 3, padding=1, key=jax.random.key(0))
    image = jnp.asarray(RNG.normal(size=(3, 5, 5)), layer.weight.dtype)
    found = mitigations.deactivated(layer, lambda one: one, np.array([False, True, False]))
    np.testing.assert_allclose(found(image), layer(image.at[1].set(0)), atol=1e-6)


def test_other_lengths_are_refused():
    with pytest.raises(ValueError, match=r"`blocked` must have shape \(9,\)"):
        mitigations.BlockedRecords(scores.Empirical(POINTS), np.zeros(8, bool))
    layer = eqx.nn.Linear(3, 2, key=jax.random.key(0))
    with pytest.raises(ValueError, match=r"`blocked` must have shape \(3,\)"):
        mitigations.deactivated(layer, lambda one: one, np.zeros(2, bool))


CORNERS, SHARES = np.array([[1.0, 1.0], [3.0, 1.0], [1.0, 3.0], [3.0, 3.0]]), np.array([1.0, 2.0, 3.0, 4.0])


@pytest.mark.parametrize("x", [[2.0, 2.0], [1.0, 2.0], [2.0, 1.0], [3.0, 1.1], [1.0, 2.9], [1.0, 1.0]])
def test_without_noise_the_nearest_records_share_by_weight(x):
    """By hand: of the nearest corners, the mean of those that are left times their share of the weight."""
    blocked, x = np.array([False, True, False, False]), np.array(x)
    score = mitigations.BlockedRecords(scores.Empirical(CORNERS, SHARES), blocked)
    distance = ((x - CORNERS) ** 2).sum(1)
    near = SHARES * (distance == distance.min())
    expected = (near * ~blocked) @ CORNERS / near.sum()
    np.testing.assert_allclose(score.denoise(x, NoiseLevel(1.0, 0.0)), expected, atol=1e-6)
    np.testing.assert_allclose(score.denoise(x, NoiseLevel(1.0, 1e-2)), expected, atol=1e-6)
    np.testing.assert_allclose(eqx.filter_jit(score.denoise)(x, NoiseLevel(1.0, jnp.zeros(()))), expected, atol=1e-6)


def test_its_derivative_is_that_of_the_weights_that_are_left():
    """Of `sum_left p_i y_i`: `(alpha/sigma^2) (sum_left p_i y_i y_i^T - D_left D^T)`."""
    empirical = scores.Empirical(POINTS)
    logits = -((np.asarray(X) - 0.8 * POINTS) ** 2).sum(1) / (2 * 0.36)
    p = np.exp(logits - np.logaddexp.reduce(logits))
    left = p * ~BLOCKED
    law = 0.8 / 0.36 * ((left[:, None] * POINTS).T @ POINTS - np.outer(left @ POINTS, p @ POINTS))
    blocked = mitigations.BlockedRecords(empirical, BLOCKED)
    np.testing.assert_allclose(jax.jacfwd(lambda x: blocked.denoise(x, LEVEL))(X), law, atol=1e-5)
