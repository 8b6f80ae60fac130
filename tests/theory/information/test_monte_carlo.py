"""Sampled information against exact Gaussians, quadrature, and the saturation at log n of n points."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

from diffmem import theory
from diffmem.level import NoiseLevel

VARIANCES = np.array([4.0, 1.0, 0.3])
LEVEL = NoiseLevel(0.8, 0.5)


def gaussian_log_prob(x, level):
    total = level.alpha**2 * jnp.asarray(VARIANCES, x.dtype) + level.sigma**2
    return -jnp.sum(x**2 / total + jnp.log(2 * jnp.pi * total)) / 2


def mixture_log_prob(centres, variance):
    """Equal-weight mixture of N(c, variance I), in JAX."""

    def log_prob(x, level):
        total = level.alpha**2 * variance + level.sigma**2
        gaps = x[None] - level.alpha * jnp.asarray(centres, x.dtype)
        log_terms = -jnp.sum(gaps**2, -1) / (2 * total) - x.size / 2 * jnp.log(2 * jnp.pi * total)
        return jax.nn.logsumexp(log_terms) - np.log(len(centres))

    return log_prob


def test_gaussian_within_three_errors():
    draws = np.random.default_rng(0).normal(size=(20_000, 3)) * np.sqrt(VARIANCES)
    snr = (LEVEL.alpha / LEVEL.sigma) ** 2
    found = theory.monte_carlo_information(gaussian_log_prob, draws, LEVEL, key=jax.random.key(0))
    assert abs(found.value - theory.gaussian_information(snr, VARIANCES)) < 3 * found.error
    spread = (theory.gaussian_information_variance(snr, VARIANCES) / 20_000) ** 0.5
    assert float(found.error) == pytest.approx(float(spread), rel=0.05)


def test_two_clusters_by_quadrature():
    total = LEVEL.alpha**2 * 0.2 + LEVEL.sigma**2

    def surprise(x):
        p = sum(np.exp(-((x - LEVEL.alpha * c) ** 2) / (2 * total)) for c in (-2, 2)) / (8 * np.pi * total) ** 0.5
        return -p * np.log(p)

    exact = quad(surprise, -8, 8, points=[-1.6, 1.6])[0] - np.log(2 * np.pi * np.e * LEVEL.sigma**2) / 2
    rng = np.random.default_rng(1)
    draws = rng.choice([-2.0, 2.0], size=(20_000, 1)) + rng.normal(size=(20_000, 1)) * 0.2**0.5
    log_prob = mixture_log_prob(np.array([[-2.0], [2.0]]), 0.2)
    found = theory.monte_carlo_information(log_prob, draws, LEVEL, key=jax.random.key(1))
    assert abs(found.value - exact) < 3 * found.error


def test_n_points_saturate_at_log_n():
    points = np.random.default_rng(2).normal(size=(12, 3))
    log_prob = mixture_log_prob(points, 0.0)
    found = theory.monte_carlo_information(log_prob, points, NoiseLevel(1.0, 1e-3), key=jax.random.key(0))
    accuracy = 1e-10 if jax.config.jax_enable_x64 else 1e-4
    assert float(found.value) == pytest.approx(np.log(12), rel=accuracy)


def test_the_slope_on_n_points_is_half_the_error():
    rng = np.random.default_rng(3)
    points = rng.normal(size=(12, 2))
    log_prob, draws, snr, step = mixture_log_prob(points, 0.0), np.repeat(points, 400, axis=0), 1.5, 0.05

    def densities(s):
        return np.asarray(theory.information_densities(log_prob, draws, NoiseLevel(s**0.5, 1.0), key=jax.random.key(4)))

    slope = (densities(snr + step) - densities(snr - step)) / (2 * step)
    noisy = snr**0.5 * draws + rng.normal(size=draws.shape)
    energy = ((noisy[:, None] - snr**0.5 * points) ** 2).sum(-1) / 2
    weights = np.exp(energy.min(1, keepdims=True) - energy)
    error = ((draws - weights @ points / weights.sum(1, keepdims=True)) ** 2).sum(1) / 2
    assert abs(slope.mean() - error.mean()) < 3 * (slope.var() / len(slope) + error.var() / len(error)) ** 0.5


def test_each_draw_has_its_own_key():
    draws = np.random.default_rng(5).normal(size=(100, 3))
    key = jax.random.key(7)
    all_of_them = theory.information_densities(gaussian_log_prob, draws, LEVEL, key=key)
    some = theory.information_densities(gaussian_log_prob, draws[:70], LEVEL, key=key)
    np.testing.assert_allclose(all_of_them[:70], some, rtol=1e-5)
    one = theory.information_density(gaussian_log_prob, draws[69], LEVEL, key=jax.random.fold_in(key, 69))
    np.testing.assert_allclose(one, some[69], rtol=1e-5)


def test_limits():
    draws = np.random.default_rng(6).normal(size=(50, 3)) * np.sqrt(VARIANCES)
    nothing = theory.monte_carlo_information(gaussian_log_prob, draws, NoiseLevel(0.0, 2.0), key=jax.random.key(0))
    assert abs(float(nothing.value)) < 1e-5
    everything = theory.information_density(gaussian_log_prob, draws[0], NoiseLevel(1.0, 0.0), key=jax.random.key(0))
    assert everything == np.inf
    with pytest.raises(ValueError, match="`samples` must hold at least 2 draws, but holds 1"):
        theory.monte_carlo_information(gaussian_log_prob, draws[:1], LEVEL, key=jax.random.key(0))


def test_crossing_of_a_mixture_lies_above_that_of_its_own_cluster():
    # two far clusters: I = log 2 + I(within), so n points collapse where n/2 points of one cluster do
    rng = np.random.default_rng(8)
    centres = np.array([[-100.0, 0, 0, 0], [100.0, 0, 0, 0]])
    draws = np.repeat(centres, 2000, axis=0) + rng.normal(size=(4000, 4))
    log_prob = mixture_log_prob(centres, 1.0)

    def information(ratio):
        return theory.monte_carlo_information(log_prob, draws, NoiseLevel(1.0, ratio), key=jax.random.key(2))

    found = theory.collapse_ratio_from_information(information, 60, (0.05, 2.0))
    assert abs(found.value - theory.collapse_ratio(30, np.ones(4))) < 3 * found.error
    assert found == theory.collapse_ratio_from_information(information, 60, (0.05, 2.0))
