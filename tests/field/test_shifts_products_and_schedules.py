"""Faults people meet in shifted data, in a device's default precision, in older schedules, and with double precision off."""

import subprocess
import sys
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from diffmem.level import NoiseLevel
from diffmem.processes import VariancePreserving
from diffmem.reductions import Chunked, Dense
from diffmem.scores import Empirical, Gaussian

DOUBLE = jnp.zeros(()).dtype == jnp.float64
# single precision is where such faults show; double precision runs in the slow suite
both = pytest.mark.parametrize("dtype", [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)][: 1 + DOUBLE])


@both
def test_squared_distances_of_shifted_data_are_never_negative(dtype):
    """faiss#297, faiss#1266: data N(100, .1^2), a query a hundredth from a point in each of 16 coordinates."""
    points = (np.random.default_rng(1).normal(size=(200, 16)) * 0.1 + 100).astype(dtype)
    x = points[0] + dtype(0.01)
    found = Empirical(points).posterior(x, NoiseLevel(1.0, 0.001))
    square = np.sum((np.float64(x) - points[0]) ** 2)
    assert square == pytest.approx(0.0016, rel=2e-3)
    assert np.sum(np.float64(found.displacement) ** 2) == pytest.approx(square, rel=1e-5)
    energy = -float(found.log_prob) - np.log(200) - 8 * np.log(2 * np.pi * 1e-6)
    assert energy == pytest.approx(square / 2e-6, rel=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64][: 1 + DOUBLE])
@pytest.mark.parametrize("reduction", [Chunked(), Chunked(energies="single"), Dense()], ids=["auto", "single", "dense"])
def test_weights_of_data_far_from_the_origin_with_less_signal(dtype, reduction):
    """`x - alpha y`, of which alpha times a large offset is nearly all; against exact fractions."""
    rng, alpha, sigma = np.random.default_rng(4), dtype(0.3), dtype(0.0135)
    points = (np.round(rng.normal(size=(400, 4)) * 64) / 64 + (3e8 if dtype == np.float64 else 3e4)).astype(dtype)
    x = (alpha * points[:16].astype(np.float64) + sigma * rng.normal(size=(16, 4))).astype(dtype)
    difference = lambda x, y: float(Fraction(float(x)) - Fraction(float(alpha)) * Fraction(float(y)))  # noqa: E731
    away = np.vectorize(difference)(x[:, None], points[None])
    energies = np.sum(away**2, axis=2) / (2 * np.float64(sigma) ** 2)
    weights = np.exp(energies.min(axis=1, keepdims=True) - energies)
    weights /= weights.sum(axis=1, keepdims=True)
    found = jax.vmap(lambda x: Empirical(points, reduction=reduction).posterior(x, NoiseLevel(alpha, sigma)))(x)
    allowed = np.float64(found.discarded) + (1e-12 if dtype == np.float64 else 1e-6)
    assert np.all(np.abs(np.float64(found.leader_weight) - weights.max(axis=1)) <= allowed)
    assert np.array_equal(found.leader, weights.argmax(axis=1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64][: 1 + DOUBLE])
def test_scores_of_means_far_from_the_origin_with_less_signal(dtype):
    """`(alpha mu - x)/(alpha^2 v + sigma^2)`, v the variance of the law; against exact fractions."""
    rng, alpha, sigma, size = np.random.default_rng(5), dtype(0.3), dtype(0.0135), 3e8 if dtype == np.float64 else 3e4
    means = (size * rng.uniform(0.5, 1.5, size=64)).astype(dtype)
    x = (alpha * means.astype(np.float64) + sigma * rng.normal(size=64)).astype(dtype)
    away = [float(Fraction(float(alpha)) * Fraction(float(m)) - Fraction(float(v))) for m, v in zip(means, x)]
    found = jax.vmap(lambda m, v: Gaussian(m[None], dtype(1e-4)).score(v[None], NoiseLevel(alpha, sigma)))(means, x)
    exact = np.array(away) / (np.float64(alpha) ** 2 * np.float64(dtype(1e-4)) + np.float64(sigma) ** 2)
    np.testing.assert_allclose(found[:, 0], exact, rtol=16 * float(np.finfo(dtype).eps))


@pytest.mark.slow
def test_products_do_not_use_the_default_precision():
    """jax#9973, jax#7010, jax#22557: it differs between devices; every product here asks for the highest."""
    points = (np.random.default_rng(2).normal(size=(64, 48)) + 10).astype(np.float32)
    score, level = Empirical(points), NoiseLevel(1.0, 3.0)
    programs = [
        jax.jit(jax.vmap(lambda x: score.posterior(x, level))).lower(points),
        jax.jit(jax.vmap(jax.grad(lambda x: score.log_prob(x, level)))).lower(points),
        jax.jit(jax.vmap(lambda x: score.jacobian_vector(x, level, x))).lower(points),
    ]
    products = [line for program in programs for line in program.as_text().splitlines() if "dot_general" in line]
    assert products and all("HIGHEST" in line for line in products)
    for x in points[:3] + 1:
        assert oracles.off(score.denoise(x, level), oracles.points_answer(points, x, 1.0, 3.0)[1]) < 1e-5


@pytest.mark.skipif(not DOUBLE, reason="the product of 1000 factors needs double precision")
def test_sigma_and_sigma_over_alpha():
    """sjc#13, DiffPIR#1: a thousand betas from 1e-4 to 2e-2; the first and last sigma in both meanings."""
    product = np.cumprod(1 - np.linspace(1e-4, 2e-2, 1000))
    process = VariancePreserving()
    for value, last in ((product[0], False), (product[-1], True)):
        level = NoiseLevel(np.sqrt(value), np.sqrt(1 - value))
        # at the first beta the two meanings nearly agree, at the last they differ by a factor above 100
        assert (level.sigma / level.alpha > 100 * level.sigma) == last
        found = process.level(process.time_at(level.sigma / level.alpha))
        assert (float(found.alpha), float(found.sigma)) == pytest.approx(tuple(map(float, level)), rel=1e-9)


@both
def test_trace_of_the_jacobian_of_the_denoiser(dtype):
    """flow_matching#49: exact, where probes are noisy: points {-1, 1}, x = .3, sigma = .5."""
    score, level, x = Empirical(np.array([[-1], [1]], dtype)), NoiseLevel(1.0, 0.5), np.array([0.3], dtype)
    slope = (1 - np.tanh(0.3 / 0.5**2) ** 2) / 0.5**2  # of D = tanh(x / sigma^2)
    assert score.jacobian_vector(x, level, np.ones(1, dtype))[0] == pytest.approx(slope, rel=1e-5)
    assert score.divergence(x, level) == pytest.approx((slope - 1) / 0.25, rel=1e-4)


@pytest.mark.slow
@both
def test_chunks_that_do_not_divide_the_points(dtype):
    """jax#11319: n = 10 in chunks of 1, 3, 4 and 10."""
    points, x = np.array([0.0, 10, 20, 30, 5, 6, 7, 8, 9, 1.5], dtype)[:, None], np.array([7], dtype)
    for sigma in (0.5, 4.0, 40.0):
        found = [Empirical(points, reduction=Chunked(k)).denoise(x, NoiseLevel(1.0, sigma)) for k in (1, 3, 4, 10)]
        np.testing.assert_allclose(np.ravel(found), float(found[-1][0]), rtol=1e-6)


@both
def test_ideal_denoiser_for_a_list_of_sigmas(dtype):
    """NVlabs/edm#26: one line from an array of images to D at every level."""
    images, sigmas = np.random.default_rng(0).normal(size=(20, 3, 4)).astype(dtype), np.array([0.1, 1, 10], dtype)
    found = jax.vmap(lambda s: Empirical(images).denoise(images[0], NoiseLevel(1.0, s)))(sigmas)
    assert found.shape == (3, 3, 4)
    np.testing.assert_allclose(found[0], images[0], rtol=1e-6)


PROGRAM = """
import jax.numpy as jnp, numpy as np
from diffmem.level import NoiseLevel
from diffmem.scores import Empirical, Gaussian
points = np.array([[1024.0], [1024 + 1 / 64]])
found = Empirical(points).score(points[0] + 1 / 256, NoiseLevel(1.0, 1 / 64))
assert found.dtype == jnp.float32, found.dtype
# the farther point is three times as far, a quarter of a nat behind: its weight is 1 / (1 + e^(1/4))
assert abs(found.item() - (64 / (1 + np.exp(0.25)) - 16)) < 1e-5, found
"""


def test_one_unstable_part_needs_no_double_precision():
    """jax#22688, pytorch#42479: with x64 off, the close points far from the origin are right."""
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
