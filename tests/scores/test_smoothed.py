"""A smoothed log-density: its score is the mean of shifted scores."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from few_points import FLOAT, LEVELS, POINTS, X, answer, close, empirical

from diffmem import scores
from diffmem.level import NoiseLevel
from diffmem.scores import Gaussian, Smoothed


@pytest.mark.slow
def test_a_smoothed_score_is_the_gradient_of_the_mean_log_density():
    """Two offsets on two points, log p written down."""
    offsets = np.array([[0.3, -0.1], [-0.3, 0.1]])
    alpha, sigma = level = NoiseLevel(0.8, 0.5)

    def mean_log(x):
        shifted = x + jnp.asarray(offsets, x.dtype)
        energies = jnp.sum((shifted[:, None] - alpha * jnp.asarray(POINTS, x.dtype)) ** 2, axis=2) / (2 * sigma**2)
        return jnp.mean(jax.nn.logsumexp(-energies, axis=1))

    with jax.numpy_rank_promotion("allow"):
        truth = jax.grad(mean_log)(jnp.asarray(X, FLOAT))
    score = Smoothed(empirical(POINTS.astype(FLOAT)), offsets.astype(FLOAT))
    found = jax.jit(lambda x: (score.score(x, level), score.divergence(x, level), jax.jacfwd(score.score)(x, level)))
    slope, divergence, jacobian = found(X.astype(FLOAT))
    close(slope, truth)
    close(divergence, jnp.trace(jacobian))


def test_antithetic_offsets_give_the_closed_form_of_sigma_cfdm():
    """x = t y + (1 - t) z, kernel weights at t y shifted by the jitter, the un-jittered x kept: one formula."""
    t, offsets = 0.6, np.asarray(scores.antithetic_offsets((2,), 8, 0.4, key=jax.random.key(0)), np.float64)
    logits = -(np.sum((X - t * POINTS) ** 2, axis=1) - 2 * t * offsets @ POINTS.T) / (2 * (1 - t) ** 2)
    weights = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    jittered = np.mean(weights @ (t * POINTS), axis=0)
    score, level = Smoothed(empirical(POINTS.astype(FLOAT)), offsets.astype(FLOAT)), NoiseLevel(t, 1 - t)
    close(score.score(X, level), (jittered - X) / (1 - t) ** 2)
    close(score.denoise(X, level), jittered / t)


def test_a_linear_score_is_not_changed_and_neither_is_any_by_zero_offsets():
    gaussian, held = Gaussian(POINTS[0], np.eye(2) + 0.3), empirical(POINTS)
    offsets = scores.antithetic_offsets((2,), 6, 0.5, key=jax.random.key(1))
    pairs = [(Smoothed(gaussian, offsets), gaussian), (Smoothed(held, 0 * offsets), held)]
    every = jax.jit(lambda a, s: [[answer(score, X, NoiseLevel(a, s))[:2] for score in pair] for pair in pairs])
    for level in LEVELS[:3]:
        for pair in every(*level):
            for found, value in zip(*pair):
                close(found, value)


def test_without_noise_and_without_signal():
    held = empirical(np.array([[-1.0], [1.0]]))
    score = Smoothed(held, np.array([[0.5], [-0.5]]))
    np.testing.assert_array_equal(score.denoise(np.array([0.2]), LEVELS[3]), [0])  # nearest points 1 and -1
    np.testing.assert_array_equal(score.denoise(np.array([0.7]), LEVELS[3]), [1])
    np.testing.assert_array_equal(score.denoise(np.array([0.7]), LEVELS[2]), [0])
    np.testing.assert_allclose(score.score(np.array([0.7]), LEVELS[2]), [-0.7], rtol=1e-6)


def test_a_bandwidth_in_data_units_is_one_score_for_all_processes():
    """D at (x, alpha, sigma) is D at (x/alpha, 1, sigma/alpha) once the offsets scale with alpha, and not before."""
    held, offsets = empirical(POINTS), np.array([[0.4, 0.2], [-0.4, -0.2]])
    level, plain = NoiseLevel(0.6, 0.3), NoiseLevel(1.0, 0.5)
    scaled = Smoothed(held, offsets, lambda level: level.alpha)
    close(scaled.denoise(X, level), scaled.denoise(X / 0.6, plain))
    fixed = Smoothed(held, offsets)
    assert np.max(np.abs(fixed.denoise(X, level) - fixed.denoise(X / 0.6, plain))) > 1e-2


def test_offsets_are_even_normal_draws():
    offsets = np.asarray(scores.antithetic_offsets((2, 2), 256, 0.5, key=jax.random.key(3)))
    assert offsets.shape == (256, 2, 2) and np.all(np.isfinite(offsets))
    np.testing.assert_array_equal(offsets[:128], -offsets[128:])
    flat = offsets.reshape(256, 4) / 0.5
    # independent draws would leave errors of .09
    np.testing.assert_allclose(flat.T @ flat / 256, np.eye(4), atol=0.06)
    again, other = (scores.antithetic_offsets((2, 2), 256, 0.5, key=jax.random.key(i)) for i in (3, 4))
    np.testing.assert_array_equal(again, offsets)
    assert np.max(np.abs(other - offsets)) > 0.01
    for arguments, sentence in (
        (((2,), 5, 0.5), "`count` must be even and at least 2, but is 5"),
        (((2,), 4, -0.5), "`bandwidth` must be at least 0, but is -0.5"),
        (((30_000,), 4, 0.5), "`shape` must have 1 to"),
    ):
        with pytest.raises(ValueError, match=sentence):
            scores.antithetic_offsets(*arguments, key=jax.random.key(0))


@pytest.mark.parametrize(
    ("offsets", "sentence"),
    [
        (np.array([[0.1, 0.0], [0.3, 0.0]]), "`offsets` must have mean 0, but their mean has an entry of size 0.2"),
        (np.zeros((0, 2)), "`offsets` must have shape"),
        (np.full((2, 2), np.nan), "`offsets` must be finite"),
    ],
)
def test_other_offsets_are_refused(offsets, sentence):
    with pytest.raises(ValueError, match=sentence):
        Smoothed(empirical(POINTS), offsets)


def test_noise_and_score_of_points_without_noise():
    """At sigma = 0 the terms are infinite of both signs; the limit is the sign of alpha D' - x, as D' is finite."""
    score = Smoothed(empirical(np.array([[-1.0], [1.0]])), np.array([[0.1], [-0.1]]))
    for x, noise in ((1.0, 0.0), (1.02, np.inf), (0.95, -np.inf), (-1.3, -np.inf)):
        x = np.array([x])
        np.testing.assert_array_equal(score.noise(x, LEVELS[3]), [noise])
        np.testing.assert_array_equal(score.score(x, LEVELS[3]), [-noise])
        np.testing.assert_array_equal(jax.jit(lambda x, level: score.score(x, level))(x, LEVELS[3]), [-noise])
    assert np.all(np.isfinite(jax.jacrev(score.score)(jnp.ones(1), LEVELS[3])))


def test_a_score_that_is_finite_without_noise_is_kept():
    """The mean of finite scores, which the rounding of D' = mean (x + e_m) must not make infinite."""
    offsets = scores.antithetic_offsets((2,), 6, 0.5, key=jax.random.key(1))
    gaussian = Gaussian(POINTS[0], np.eye(2))
    score = Smoothed(gaussian, offsets)
    close(score.score(X, LEVELS[3]), gaussian.score(X, LEVELS[3]))
    close(score.noise(X, LEVELS[3]), np.zeros(2))
