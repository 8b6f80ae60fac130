"""Networks with other targets and schedules than ours: what they answer with is said once, and no conversion is needed.

The network is the exact one of N(0, .4 I) at every level, so that right values are closed forms.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import processes, scores
from diffmem.level import NoiseLevel

DOUBLE = jnp.zeros(()).dtype == jnp.float64
FLOAT = np.float64 if DOUBLE else np.float32
VARIANCE, X = 0.4, np.array([0.3, -0.5], FLOAT)
RTOL = 1e-12 if DOUBLE else 1e-5
LEVELS = [NoiseLevel(0.8, 0.6), NoiseLevel(1.0, 3.0), NoiseLevel(0.2, 1.1)]


def truth(x, alpha, sigma):
    """D and noise of N(0, VARIANCE I)."""
    total = alpha**2 * VARIANCE + sigma**2
    return alpha * VARIANCE / total * x, sigma / total * x


def answer(predicts):
    """The exact network on batches, in NumPy."""

    def function(x, alpha, sigma):
        alpha, sigma = (part.reshape(-1, 1) for part in (alpha, sigma))
        mean, noise = truth(x, alpha, sigma)
        return {"x0": mean, "noise": noise, "v": alpha * noise - sigma * mean}[predicts]

    return function


@pytest.mark.parametrize("predicts", ["x0", "noise", "v"])
@pytest.mark.parametrize("level", LEVELS)
def test_what_a_host_network_predicts(predicts, level):
    score = scores.FromHost(answer(predicts), predicts=predicts)
    mean, noise = truth(X.astype(float), *level)
    found = jax.vmap(lambda x: score.evaluate(x, level))(jnp.asarray([X, X]))
    for row in range(2):
        np.testing.assert_allclose(found.mean[row], mean, rtol=RTOL)
        np.testing.assert_allclose(found.noise[row], noise, rtol=RTOL)


def test_noise_without_signal():
    """At alpha = 0 a noise prediction has a noise, and no mean."""
    score = scores.FromHost(answer("noise"), predicts="noise")
    np.testing.assert_allclose(score.noise(X, NoiseLevel(0.0, 2.0)), X / 2, rtol=RTOL)
    with pytest.raises(Exception, match="`alpha` must be positive"):
        score.denoise(X, NoiseLevel(0.0, 2.0)).block_until_ready()
    with pytest.raises(ValueError, match="`predicts` must be 'x0', 'noise' or 'v'"):
        scores.FromHost(answer("x0"), predicts="epsilon")


@pytest.mark.parametrize("level", [*LEVELS, NoiseLevel(1.0, 0.1), NoiseLevel(1.0, 10.0), NoiseLevel(0.0, 2.0)])
def test_a_velocity_at_levels_of_another_process(level):
    """A velocity network knows its own process only: the point is brought to the level there of the same ratio."""

    def velocity(x, own):
        np.testing.assert_allclose(own.alpha + own.sigma, 1, rtol=1e-6)
        mean, noise = truth(x, own.alpha, own.sigma)
        return noise - mean

    found = scores.FromVelocity(velocity, processes.FlowMatching()).evaluate(X, level)
    mean, noise = truth(X.astype(float), *level)
    np.testing.assert_allclose(found.mean, mean, rtol=10 * RTOL, atol=1e-7)
    np.testing.assert_allclose(found.noise, noise, rtol=10 * RTOL, atol=1e-7)
