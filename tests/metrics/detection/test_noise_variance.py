"""The spread of the conditional estimate over noises: its mean, its law at pure noise, and a prompt of one point."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import integrators, processes, reductions, scores
from diffmem.metrics import detection

POINTS = np.random.default_rng(6).normal(size=(40, 3))
PROCESS = processes.OrnsteinUhlenbeck(t_min=1e-3, t_max=5.0)
TIMES = integrators.grids.log_snr(PROCESS, steps=10)
STARTS = jax.random.normal(jax.random.key(0), (4000, 3), jnp.zeros(()).dtype)
LABELS = np.minimum(np.arange(40), 10)  # the last label has 30 points, the others one


def guided(label):
    one = scores.Labelled(scores.Empirical(POINTS, reduction=reductions.Dense()), LABELS, label)
    return scores.Guided(one, one.unconditional, 7.5)


def test_its_mean_is_the_sample_variance():
    level = PROCESS.level(TIMES[0])
    means = jax.vmap(lambda x: guided(10).conditional.denoise(x, level))(STARTS[:7])
    found = detection.noise_variance(guided(10), STARTS[:7], PROCESS, TIMES)
    assert found.shape == (7,)
    np.testing.assert_allclose(found.mean(), -np.var(np.asarray(means, np.float64), axis=0, ddof=1).sum(), rtol=1e-3)


def test_at_pure_noise_it_follows_the_covariance_of_the_prompt():
    alpha, sigma = PROCESS.level(TIMES[0])
    covariance = np.cov(POINTS[LABELS == 10].T, ddof=0)
    law = (alpha / sigma) ** 2 * np.trace(covariance @ covariance)
    np.testing.assert_allclose(-detection.noise_variance(guided(10), STARTS, PROCESS, TIMES).mean(), law, rtol=0.08)


def test_one_point_has_no_spread_and_one_start_no_variance():
    np.testing.assert_array_equal(detection.noise_variance(guided(3), STARTS[:5], PROCESS, TIMES), 0)
    with pytest.raises(ValueError, match="at least 2 states"):
        detection.noise_variance(guided(3), STARTS[:1], PROCESS, TIMES)
