"""Scores of any callable: a noise prediction, a velocity, a function on the host, a function of one's own."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from diffmem.level import NoiseLevel
from diffmem.processes import (
    EDM,
    CosineVariancePreserving,
    FlowMatching,
    OrnsteinUhlenbeck,
    VarianceExploding,
    VariancePreserving,
)
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


@pytest.mark.parametrize(
    "process", [VariancePreserving(), OrnsteinUhlenbeck(), FlowMatching(), EDM(), VarianceExploding()]
)
def test_velocity_without_noise(process):
    """D = x/alpha also where sigma' is infinite; any finite velocity then has no noise."""
    score, x, clean = FromVelocity(lambda x, level: 0 * x + 0.3, process), np.array([0.5], FLOAT), NoiseLevel(1.0, 0.0)
    np.testing.assert_allclose(score.denoise(x, clean), x, rtol=1e-6)
    if not np.isfinite(process.rate(0.0).sigma):
        np.testing.assert_array_equal(score.noise(x, clean), [0])
    slope = jax.jacrev(score.denoise)(jnp.asarray(x), clean)
    np.testing.assert_allclose(slope, [[1.0]], rtol=1e-6)


@pytest.mark.parametrize("process", [VariancePreserving(), OrnsteinUhlenbeck(), EDM(), VarianceExploding()])
def test_velocity_of_pure_noise_says_nothing_where_it_is_never_reached(process):
    for score in (
        FromVelocity(lambda x, level: 0 * x, process),
        FromHost(lambda x, alpha, sigma: np.zeros_like(x), "velocity", process=process),
    ):
        with pytest.raises(ValueError, match="`level` must have a ratio sigma/alpha that the process of"):
            score.denoise(np.ones(1, FLOAT), NoiseLevel(0.0, 1.0))


def test_velocity_of_pure_noise_of_any_size():
    """At (0, 5) too, which flow matching and the cosine schedule reach as (0, 1): v = z - D and v = -D times alpha'."""
    for process in (FlowMatching(), CosineVariancePreserving()):
        rate = process.rate(1.0)
        score = FromVelocity(lambda x, level, rate=rate: rate.alpha * 0.3 + rate.sigma * x, process)
        found = score.denoise(np.full(1, 10.0, FLOAT), NoiseLevel(0.0, 5.0))
        np.testing.assert_allclose(found, [0.3], rtol=1e-5)
