"""The gap of the two branches: its law at pure noise, its end, and who has none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import integrators, processes, scores
from diffmem.metrics import detection

POINTS = np.random.default_rng(4).normal(size=(12, 5))
PROCESS = processes.OrnsteinUhlenbeck(t_min=1e-3, t_max=6.0)
TIMES = integrators.grids.log_snr(PROCESS, steps=30)
STARTS = jax.random.normal(jax.random.key(0), (7, 5), POINTS.dtype if jnp.zeros(()).dtype == jnp.float64 else None)
LABELS = np.arange(12) // 3


def guided(weight=7.5, label=1):
    one = scores.Labelled(scores.Empirical(POINTS), LABELS, label)
    return scores.Guided(one, one.unconditional, weight)


def test_at_pure_noise_it_is_the_distance_of_the_means():
    alpha, sigma = PROCESS.level(TIMES[0])
    law = alpha / sigma * np.linalg.norm(POINTS[3:6].mean(axis=0) - POINTS.mean(axis=0))
    found = detection.guidance_gap(guided(), STARTS, PROCESS, TIMES, jax.random.key(1), steps=1)
    np.testing.assert_allclose(found, law, rtol=0.02)


def test_every_step_is_counted_once_and_the_end_is_blind():
    every = detection.measured_along(detection.gap, guided(), STARTS, PROCESS, TIMES, jax.random.key(1))
    assert every.shape == (31, 7)
    np.testing.assert_allclose(every[-1], 0, atol=1e-6)
    for steps in (None, 1, 10):
        found = detection.guidance_gap(guided(), STARTS, PROCESS, TIMES, jax.random.key(1), steps=steps)
        np.testing.assert_allclose(found, every[: 30 if steps is None else steps].mean(axis=0), rtol=1e-5)


def test_what_has_no_gap_is_refused():
    with pytest.raises(ValueError, match="both branches"):
        detection.guidance_gap(scores.Empirical(POINTS), STARTS, PROCESS, TIMES, jax.random.key(1))
    with pytest.raises(ValueError, match="`steps` must be at most 30"):
        detection.guidance_gap(guided(), STARTS, PROCESS, TIMES, jax.random.key(1), steps=31)
