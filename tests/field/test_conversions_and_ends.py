"""Faults people meet in conversions between processes, in duplicates, and at the ends of a process."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem.level import NoiseLevel
from diffmem.processes import FlowMatching, VarianceExploding
from diffmem.scores import Empirical, FromNoisePrediction, FromVelocity

POINTS = np.array([[-1.0], [1.0]])


def at(score, x, alpha, sigma):
    """D and the score at x."""
    x, level = np.array([x]), NoiseLevel(alpha, sigma)
    return float(score.denoise(x, level)[0]), float(score.score(x, level)[0])


def test_scaling_the_data_scales_the_noise():
    unit = at(Empirical(np.array([[0.0], [1.0]])), 0.3, 1.0, 0.25)[0]
    assert unit == pytest.approx(0.03916572, rel=1e-5)
    assert at(Empirical(POINTS), -0.4, 1.0, 0.5)[0] == pytest.approx(2 * unit - 1, rel=1e-5)


def test_the_diffusion_coefficient_is_not_sigma():
    g = VarianceExploding(sigma_min=0.01, sigma_max=50.0).diffusion_coefficient(0.5)
    assert float(g) == pytest.approx(2.91842307, rel=1e-6)


def test_variance_preserving_and_exploding_agree():
    score = Empirical(np.array([[-1.0], [2.0]]))
    denoised, slope = at(score, 0.5, 0.6, 0.8)
    assert denoised == pytest.approx(0.91109238, rel=1e-5) and slope == pytest.approx(0.07289911, rel=1e-4)
    same, exploding = at(score, 0.5 / 0.6, 1.0, 0.8 / 0.6)
    assert same == pytest.approx(denoised, rel=1e-5) and exploding == pytest.approx(0.6 * slope, rel=1e-4)


def test_denoiser_noise_and_score():
    score = Empirical(POINTS)
    denoised, slope = at(score, 0.3, 1.0, 0.5)
    assert denoised == pytest.approx(0.83365461, rel=1e-5) and slope == pytest.approx(2.13461843, rel=1e-5)
    assert float(score.noise(np.array([0.3]), NoiseLevel(1.0, 0.5))[0]) == pytest.approx(-1.06730921, rel=1e-5)


def test_velocity_and_score():
    exact, process = Empirical(POINTS), FlowMatching()
    velocity = lambda x, level: exact.noise(x, level) - exact.denoise(x, level)  # noqa: E731
    assert float(velocity(np.array([0.15]), NoiseLevel(0.5, 0.5))[0]) == pytest.approx(-0.28262523, rel=1e-4)
    denoised, slope = at(FromVelocity(velocity, process), 0.15, 0.5, 0.5)
    assert denoised == pytest.approx(0.29131261, rel=1e-4) and slope == pytest.approx(-0.01737478, rel=1e-3)


@pytest.mark.parametrize(("x", "nearest"), [(1.0, 1.0), (0.3, 1.0), (0.0, 0.0)])
def test_no_noise_is_a_limit(x, nearest):
    assert at(Empirical(POINTS), x, 1.0, 0.0)[0] == nearest


def test_no_signal_is_a_limit_but_not_for_noise_predictions():
    score = Empirical(np.array([[-1.0], [2.0]]))
    assert at(score, 0.5, 0.0, 1.0) == (pytest.approx(0.5, abs=1e-6), pytest.approx(-0.5, abs=1e-6))
    predicted = FromNoisePrediction(score.noise)
    for denoise in (predicted.denoise, jax.jit(lambda x, level: predicted.denoise(x, level))):
        with pytest.raises(Exception, match="alpha"):
            jax.block_until_ready(denoise(jnp.array([0.5]), NoiseLevel(0.0, 1.0)))


def test_duplicates_are_weights():
    three, weighted = (
        Empirical(np.array([[0.0], [0], [1]])),
        Empirical(np.array([[0.0], [1]]), np.array([2 / 3, 1 / 3])),
    )
    for score in (three, weighted, three.merged()):
        assert at(score, 0.2, 1.0, 0.5) == (pytest.approx(0.13088605, rel=1e-5), pytest.approx(-0.27645582, rel=1e-4))
    assert at(Empirical(np.array([[0.0], [1]])), 0.2, 1.0, 0.5)[0] == pytest.approx(0.23147522, rel=1e-5)


@pytest.mark.parametrize(("sigma", "number"), [(2, 1.9944), (1, 1.9157), (0.5, 1.3317), (0.1, 1.0000)])
def test_the_effective_number_of_two_points(sigma, number):
    found = Empirical(POINTS).posterior(np.array([0.3]), NoiseLevel(1.0, float(sigma)))
    assert float(jnp.exp(found.entropy)) == pytest.approx(number, abs=1e-4)
    assert float(found.mean[0]) == pytest.approx(np.tanh(0.3 / sigma**2), rel=1e-5)
