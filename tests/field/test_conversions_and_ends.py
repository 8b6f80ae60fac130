"""Faults people meet in conversions between processes, in duplicates, and at the ends of a process."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from diffmem.level import NoiseLevel
from diffmem.processes import FlowMatching, VarianceExploding
from diffmem.scores import Empirical, FromNoisePrediction, FromVelocity

POINTS = np.array([[-1.0], [1.0]])


def at(score, x, alpha, sigma):
    """D and the score at x."""
    x, level = np.array([x]), NoiseLevel(alpha, sigma)
    return float(score.denoise(x, level)[0]), float(score.score(x, level)[0])


def truth(points, x, alpha, sigma, weights=None):
    """The same two numbers in double precision NumPy."""
    _, mean, displacement = oracles.points_answer(points, [x], alpha, sigma, weights)
    return float(mean[0]), float(displacement[0]) / sigma**2


def test_scaling_the_data_scales_the_noise():
    points = np.array([[0.0], [1.0]])
    unit = at(Empirical(points), 0.3, 1.0, 0.25)[0]
    assert unit == pytest.approx(truth(points, 0.3, 1.0, 0.25)[0], rel=1e-5)
    assert at(Empirical(POINTS), -0.4, 1.0, 0.5)[0] == pytest.approx(2 * unit - 1, rel=1e-5)


def test_the_diffusion_coefficient_is_not_sigma():
    """`g^2 = d sigma^2/dt = 2 sigma^2 log(sigma_max/sigma_min)`; half-way sigma is the geometric mean of the ends."""
    g = VarianceExploding(sigma_min=0.01, sigma_max=50.0).diffusion_coefficient(0.5)
    assert float(g) == pytest.approx(np.sqrt(2 * 0.01 * 50 * np.log(50 / 0.01)), rel=1e-6)


def test_variance_preserving_and_exploding_agree():
    points = np.array([[-1.0], [2.0]])
    score, exact = Empirical(points), truth(points, 0.5, 0.6, 0.8)
    denoised, slope = at(score, 0.5, 0.6, 0.8)
    assert denoised == pytest.approx(exact[0], rel=1e-5) and slope == pytest.approx(exact[1], rel=1e-4)
    same, exploding = at(score, 0.5 / 0.6, 1.0, 0.8 / 0.6)
    assert same == pytest.approx(denoised, rel=1e-5) and exploding == pytest.approx(0.6 * slope, rel=1e-4)


def test_denoiser_noise_and_score():
    """Points -1 and 1: `D = tanh(alpha x / sigma^2)`."""
    score, exact = Empirical(POINTS), np.tanh(0.3 / 0.5**2)
    denoised, slope = at(score, 0.3, 1.0, 0.5)
    assert denoised == pytest.approx(exact, rel=1e-5) and slope == pytest.approx((exact - 0.3) / 0.5**2, rel=1e-5)
    assert float(score.noise(np.array([0.3]), NoiseLevel(1.0, 0.5))[0]) == pytest.approx((0.3 - exact) / 0.5, rel=1e-5)


def test_velocity_and_score():
    exact, process = Empirical(POINTS), FlowMatching()
    velocity = lambda x, level: exact.noise(x, level) - exact.denoise(x, level)  # noqa: E731
    mean = np.tanh(0.5 * 0.15 / 0.5**2)
    noise = (0.15 - 0.5 * mean) / 0.5
    assert float(velocity(np.array([0.15]), NoiseLevel(0.5, 0.5))[0]) == pytest.approx(noise - mean, rel=1e-4)
    denoised, slope = at(FromVelocity(velocity, process), 0.15, 0.5, 0.5)
    assert denoised == pytest.approx(mean, rel=1e-4) and slope == pytest.approx(-noise / 0.5, rel=1e-3)


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
    points, weights = np.array([[0.0], [1.0]]), np.array([2 / 3, 1 / 3])
    three = Empirical(np.array([[0.0], [0], [1]]))
    mean, slope = truth(points, 0.2, 1.0, 0.5, weights)
    for score in (three, Empirical(points, weights), three.merged()):
        assert at(score, 0.2, 1.0, 0.5) == (pytest.approx(mean, rel=1e-5), pytest.approx(slope, rel=1e-4))
    plain = truth(points, 0.2, 1.0, 0.5)[0]
    assert plain > 1.5 * mean and at(Empirical(points), 0.2, 1.0, 0.5)[0] == pytest.approx(plain, rel=1e-5)


@pytest.mark.parametrize("sigma", [2.0, 1.0, 0.5, 0.1])
def test_the_effective_number_of_two_points(sigma):
    """The exponential of the entropy: near 2 at much noise, 1 at little."""
    found = Empirical(POINTS).posterior(np.array([0.3]), NoiseLevel(1.0, sigma))
    share = oracles.points_answer(POINTS, [0.3], 1.0, sigma)[0]
    assert float(jnp.exp(found.entropy)) == pytest.approx(np.prod(share**-share), abs=1e-4)
    assert float(found.mean[0]) == pytest.approx(np.tanh(0.3 / sigma**2), rel=1e-5)
