"""Scores of any callable: a noise prediction, a velocity, a function on the host, a function of one's own."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from diffmem.level import NoiseLevel
from diffmem.processes import FlowMatching
from diffmem.scores import (
    FromFunction,
    FromHost,
    FromNoisePrediction,
    FromVelocity,
    Gaussian,
)

DOUBLE = jnp.zeros(()).dtype == jnp.float64
FLOAT = np.float64 if DOUBLE else np.float32
LEVEL = NoiseLevel(0.8, 0.6)


def test_noise_prediction_cannot_denoise_pure_noise():
    """Also when traced (diffusers#3851)."""
    score = FromNoisePrediction(lambda x, level: x)
    x = np.ones(2, FLOAT)
    with pytest.raises(Exception, match="`alpha` must be positive to denoise by a noise prediction, but is 0"):
        jax.block_until_ready(score.denoise(x, NoiseLevel(0.0, 1.0)))
    with pytest.raises(Exception, match="`alpha` must be positive"):
        jax.block_until_ready(jax.jit(lambda a: score.denoise(x, NoiseLevel(a, 1.0)))(0.0))
    np.testing.assert_allclose(score.score(x, NoiseLevel(0.0, 1.0)), -x)


def test_velocity_of_pure_noise():
    """At alpha = 0 of flow matching v = z - D: the score is -x and D the mean."""
    truth = Gaussian(np.full(2, 0.3, FLOAT), FLOAT(0.2))
    score = FromVelocity(lambda x, level: truth.noise(x, level) - truth.denoise(x, level), FlowMatching())
    x = np.array([0.4, -1.0], FLOAT)
    for t in (1.0, 0.6, 0.1):
        level = NoiseLevel(1 - t, t)
        assert oracles.off(score.denoise(x, level), truth.denoise(x, level)) < 1e-5
        assert oracles.off(score.score(x, level), truth.score(x, level)) < 1e-5


def test_the_host_is_called_once_a_batch():
    """With NumPy arrays of one row for each point, in the order of the batch; a wrong shape is an error."""
    seen = []

    def halve(x, alpha, sigma):
        seen.append((x.shape, alpha.shape, sigma.shape))
        return x / 2

    score = FromHost(halve)
    xs = np.arange(12, dtype=FLOAT).reshape(4, 3)
    found = jax.jit(jax.vmap(lambda x, s: score.denoise(x, NoiseLevel(1.0, s))))(xs, np.arange(1, 5, dtype=FLOAT))
    np.testing.assert_array_equal(found, xs / 2)
    assert seen == [((4, 3), (4,), (4,))]
    seen.clear()
    np.testing.assert_array_equal(score.denoise(xs[1], LEVEL), xs[1] / 2)
    assert seen == [((1, 3), (1,), (1,))]
    with pytest.raises(Exception, match="must return shape"):
        jax.block_until_ready(FromHost(lambda x, alpha, sigma: x[0]).denoise(xs[0], LEVEL))


def test_a_score_of_ones_own_in_three_lines():
    """Its divergence is the trace of its Jacobian, whatever the shape."""
    score = FromFunction(lambda x, level: jnp.sin(x) * level.alpha)
    x = np.linspace(-1, 1, 6).reshape(2, 3).astype(FLOAT)
    truth = np.sum(0.8 * 0.8 * np.cos(x) - 1) / 0.36
    assert score.divergence(x, LEVEL) == pytest.approx(truth, rel=1e-5)
    np.testing.assert_allclose(score.noise(x, LEVEL), (x - 0.64 * np.sin(x)) / 0.6, rtol=1e-5, atol=1e-6)
