"""Networks with other targets and schedules than ours: what they answer with is said once, and no conversion is needed.

The network is the exact one of N(0, .4 I) at every level, so that right values are closed forms.
"""

import jax
import jax.numpy as jnp
import jaxtyping
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
        answers = {"x0": mean, "noise": noise, "v": alpha * noise - sigma * mean, "velocity": noise - mean}
        return answers[predicts]

    return function


@pytest.mark.parametrize("predicts", ["x0", "noise", "v", "velocity"])
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
    with pytest.raises(ValueError, match="`predicts` must be 'x0', 'noise', 'v' or 'velocity'"):
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


@pytest.mark.parametrize("predicts", ["x0", "noise", "v"])
@pytest.mark.parametrize("level", LEVELS)
def test_a_host_network_that_knows_the_levels_of_its_schedule(predicts, level):
    """diffusers' table of alpha-bar: also EDM's levels reach the network as variance-preserving ones."""
    process = processes.Discrete(np.cumprod(1 - np.linspace(1e-4, 0.02, 1000)))

    def own(x, alpha, sigma):
        np.testing.assert_allclose(alpha**2 + sigma**2, 1, rtol=1e-5)
        return answer(predicts)(x, alpha, sigma)

    found = scores.FromHost(own, predicts, process).evaluate(X, level)
    mean, noise = truth(X.astype(float), *level)
    np.testing.assert_allclose(found.mean, mean, rtol=100 * RTOL)
    np.testing.assert_allclose(found.noise, noise, rtol=100 * RTOL)


def test_a_velocity_whose_time_runs_from_noise_to_data():
    """x = s x_0 + (1 - s) z at time s, answered with x_0 - z (SiT, flow_matching): one line turns it round."""

    def network(x, s):
        return -answer("velocity")(x, s, 1 - s)

    score = scores.FromHost(lambda x, alpha, sigma: -network(x, alpha), "velocity")
    mean, noise = truth(X.astype(float), 0.3, 0.7)
    found = score.evaluate(X, NoiseLevel(0.3, 0.7))
    np.testing.assert_allclose(found.mean, mean, rtol=RTOL)
    np.testing.assert_allclose(found.noise, noise, rtol=RTOL)


def test_steps_of_a_table_and_times():
    """Step number t of `alphas_cumprod`, counted from 0, is time t + 1; `time_at` gives it back from sigma/alpha."""
    table = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
    process, steps = processes.Discrete(table), np.array([0, 1, 499, 998, 999])
    found = process.level(steps + FLOAT(1))
    np.testing.assert_allclose(found.alpha, np.sqrt(table[steps]), rtol=2e-6)
    ratio = np.sqrt(1 / table[steps] - 1).astype(FLOAT)
    np.testing.assert_array_equal(np.round(np.asarray(process.time_at(ratio)) - 1), steps)


def test_a_score_in_the_place_of_a_function(monkeypatch):
    """`FromNoisePrediction(FromHost(eps))`: a host function says what it predicts by itself."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as for a user, whose types are not checked
    for wrong in (scores.FromFunction, scores.FromNoisePrediction):
        with pytest.raises(ValueError, match=r"`function` must be a function of one point and its level.*FromHost"):
            wrong(scores.FromHost(answer("noise")))
