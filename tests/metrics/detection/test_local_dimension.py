"""Local dimension against closed forms of training sets and Gaussians, and at noised points, where it fails."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import integrators, processes, scores
from diffmem.level import NoiseLevel
from diffmem.metrics import detection

RNG = np.random.default_rng(5)
POINTS = RNG.normal(size=(9, 4))
LEVELS = [NoiseLevel(1.0, 0.4), NoiseLevel(0.8, 0.6), NoiseLevel(0.3, 0.95)]
DOUBLE = jnp.zeros(()).dtype == jnp.float64
RTOL = 1e-8 if DOUBLE else 2e-4


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=RTOL, atol=RTOL)


@pytest.mark.parametrize("level", LEVELS)
def test_of_training_points_it_is_the_mean_square_distance(level):
    x = RNG.normal(size=4)
    alpha, sigma = level
    squares = alpha**2 * ((x - POINTS) ** 2).sum(axis=1)
    weights = np.exp(-squares / (2 * sigma**2))
    close(detection.flipd(scores.Empirical(POINTS), x, level), weights @ squares / weights.sum() / sigma**2)


@pytest.mark.parametrize("level", LEVELS)
def test_of_a_gaussian_it_counts_wide_axes(level):
    x, spectrum = RNG.normal(size=4), np.array([3.0, 1.0, 0.1, 0.0])
    alpha, sigma = level
    scaled, y = alpha**2 * spectrum, alpha * x
    law = (scaled / (scaled + sigma**2)).sum() + sigma**2 * (y**2 / (scaled + sigma**2) ** 2).sum()
    close(detection.flipd(scores.Gaussian(np.zeros(4), spectrum), x, level), law)


@pytest.mark.slow
def test_any_score_gives_it_by_derivatives():
    exact = scores.Empirical(POINTS)
    wrapped = scores.FromFunction(exact.denoise)
    close(detection.flipd(wrapped, POINTS[0] + 0.1, LEVELS[1]), detection.flipd(exact, POINTS[0] + 0.1, LEVELS[1]))


@pytest.mark.slow
def test_a_sum_of_scores_at_noised_points_is_d_in_the_mean():
    """Why clean points are taken: over exact draws x of a noised law tr grad s + |s|^2 has mean 0."""
    exact, level = scores.Empirical(POINTS), LEVELS[1]
    draws = jax.vmap(lambda key: exact.sample(level, key=key))(jax.random.split(jax.random.key(0), 4_000))
    found = jax.vmap(lambda x: detection.flipd(exact, x / level.alpha, level))(draws)
    assert abs(float(found.mean()) - 4) < 4 * float(found.std()) / len(found) ** 0.5


def subspace(m, d):
    return scores.Gaussian(np.zeros(d), np.where(np.arange(d) < m, 1.0, 0.0))


@pytest.mark.slow
@pytest.mark.parametrize("m", [0, 2, 5])
def test_normal_axes_are_counted(m):
    level, x = NoiseLevel(1.0, 0.02), np.where(np.arange(5) < m, 0.7, 0.0)
    found = detection.normal_bundle_dimension(subspace(m, 5), x, level, jax.random.key(1))
    assert float(found) == m
    assert float(detection.flipd(subspace(m, 5), x, level)) == pytest.approx(m, abs=0.02)


@pytest.mark.parametrize(
    "estimator", [detection.flipd, pytest.param(detection.normal_bundle_dimension, marks=pytest.mark.slow)]
)
def test_copies_have_dimension_0_and_a_continuous_law_its_own(estimator):
    process = processes.OrnsteinUhlenbeck(t_min=1e-3, t_max=6.0)
    times = integrators.grids.log_snr(process, steps=60)
    starts = jnp.asarray(RNG.normal(size=(5, 4)), jnp.zeros(()).dtype)
    copies, law = scores.Empirical(POINTS.astype(starts.dtype)), subspace(2, 4)
    run = (starts, process, times, jax.random.key(2))
    near = detection.local_dimension(copies, *run, ratio=0.05, estimator=estimator)
    far = detection.local_dimension(law, *run, ratio=0.05, estimator=estimator)
    assert near.shape == (5,) and float(near.min()) > -0.3 and float(far.max()) < -1.7
    other = detection.local_dimension(copies, *run, ratio=0.05, measured=law, estimator=detection.flipd)
    assert not np.allclose(other, near)


SINGLE = POINTS.astype(np.float32)


@pytest.mark.parametrize("sigma", [1e-12, 1e-20, 1e-30, 0.0])
def test_little_noise_finds_no_dimension_on_a_point(sigma):
    """On an isolated point 0; off it |x - y|^2/sigma^2, as far as single precision holds that."""
    level = NoiseLevel(1.0, sigma)
    assert float(detection.flipd(scores.Empirical(SINGLE), SINGLE[3], level)) == pytest.approx(0, abs=1e-5)
    off = SINGLE[3] + np.float32(0.01)
    square = ((off.astype(np.float64) - SINGLE[3]) ** 2).sum()
    law = np.inf if sigma < 1e-20 else square / sigma**2
    assert float(detection.flipd(scores.Empirical(SINGLE), off, level)) == pytest.approx(law, rel=1e-4)


@pytest.mark.parametrize("sigma", [1e-20, 0.0])
@pytest.mark.parametrize("m", [0, 2, 4])
def test_without_noise_the_dimension_of_a_subspace_is_its_own(m, sigma):
    x = np.where(np.arange(4) < m, 0.7, 0.0)
    assert float(detection.flipd(subspace(m, 4), x, NoiseLevel(1.0, sigma))) == pytest.approx(m, abs=1e-5)
