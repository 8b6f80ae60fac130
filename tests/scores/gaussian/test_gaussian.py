"""The fit of a Gaussian has the moments of the points."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from diffmem.level import NoiseLevel
from diffmem.scores import (
    Gaussian,
)


def test_gaussian_fit_has_the_moments_of_the_points():
    points = np.random.default_rng(0).normal(size=(50, 2, 2)).astype(np.float32) + 1000
    fitted = Gaussian.fit(points)
    flat = points.reshape(50, 4).astype(np.float64)
    np.testing.assert_allclose(fitted.mean, flat.mean(0).reshape(2, 2), rtol=1e-7)
    level = NoiseLevel(1.0, 0.5)
    law = oracles.Law(np.ones(1), flat.mean(0)[None], np.cov(flat.T, bias=True)[None])
    truth = oracles.answer(law, points[0], *level)
    assert oracles.off(fitted.score(points[0], level), truth.score) < 1e-3
    assert fitted.mean.dtype == np.float32


@pytest.mark.parametrize("unit", [1e-15, 1e-12, 1e-9, 1.0, 1e10, 1e18])
def test_covariance_at_every_scale_that_is_accepted(unit):
    """S = sigma^2 = u^2: the posterior variance is u^2/2, where u^4 is no number of single precision."""
    square = np.float32(unit) ** 2
    isotropic = Gaussian(np.zeros(2, np.float32), square)
    full = Gaussian(np.zeros(2, np.float32), square * np.eye(2, dtype=np.float32))
    x, level = np.zeros(2, np.float32), NoiseLevel(1.0, unit)
    for score in (isotropic, full):
        np.testing.assert_allclose(np.float64(score.covariance(x, level)) / unit**2, np.eye(2) / 2, rtol=1e-5)
        np.testing.assert_allclose(float(score.posterior(x, level).spread) / unit**2, 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("alpha", "sigma"), [(1.0, 1e12), (1.0, 1e17), (1.0, 1e19), (0.3, 3e22), (1e-20, 2e-20), (1e-30, 1e-30)]
)
def test_levels_whose_squares_single_precision_cannot_hold(alpha, sigma):
    """The law of x/c at (alpha/c, sigma/c) is that of x at (alpha, sigma), in closed form of x = sigma (1, -2)."""
    score = Gaussian(np.full(2, 0.5, np.float32), np.float32(2.0))
    level = NoiseLevel(np.float32(alpha), np.float32(sigma))
    a, s = (float(part) for part in level)
    x = (s * np.array([1.0, -2.0])).astype(np.float32)
    total, away = 2 * a**2 + s**2, np.float64(x) - a * 0.5
    q = away / total
    close = partial(np.testing.assert_allclose, rtol=2e-5)
    close(score.log_prob(x, level), -(away @ q) / 2 - np.log(2 * np.pi) - np.log(total))
    close(score.noise(x, level), s * q)
    close(score.denoise(x, level), 0.5 + 2 * a * q, atol=1e-30)
    close(np.float64(score.posterior(x, level).displacement) / s, -s * q)
    close(np.float64(score.score(x, level)) * s, -s * q)
    close(score.covariance(x, level), 2 * s**2 / total * np.eye(2), atol=1e-30)
    close(score.log_partition(x, level), -(away @ q) / 2 - np.log(total / s**2), atol=1e-4)
    v = np.array([s, 0.0], np.float32)
    close(score.jacobian_vector(x, level, v), [2 * a * s / total, 0], atol=1e-30)
    draw = np.float64(score.sample(level, key=jax.random.key(0))) / s
    unit = NoiseLevel(np.float32(a / s), np.float32(1.0))
    close(draw, score.sample(unit, key=jax.random.key(0)), atol=1e-6)
    if 1e-18 < s < 1e18:
        for divergence in (score.divergence, jax.jit(lambda x, level: score.divergence(x, level))):
            close(np.float64(divergence(x, level)) * s**2, -2 * s**2 / total)


def test_slopes_in_the_noise_of_a_level_that_is_scaled():
    """d log p / d sigma = sigma (away^2 / total^2 - d / total), here in units of sigma, at sigma = 1e12."""
    score, x = Gaussian(np.zeros(2, np.float32), np.float32(1.0)), np.array([1e12, -2e12], np.float32)
    slope = jax.grad(lambda s: score.log_prob(x, NoiseLevel(1.0, s)))(jnp.float32(1e12))
    np.testing.assert_allclose(float(slope) * 1e12, 5 - 2, rtol=1e-5)
