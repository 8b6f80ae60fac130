"""Inversion of targets: what needs no change of the noise, what none achieves, and the bound by information."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import integrators, processes, scores, theory
from diffmem.metrics import detection

PROCESS = processes.OrnsteinUhlenbeck(t_min=1e-3, t_max=6.0)
TIMES = integrators.grids.log_snr(PROCESS, steps=60)
DTYPE = jnp.zeros(()).dtype
POINTS = np.random.default_rng(3).normal(size=(6, 8)).astype(DTYPE)
WEIGHTS = np.array([10.0, 1, 1, 1, 1, 1], DTYPE)


def inverted(points, weights, targets, **options):
    score = scores.Empirical(points, weights)
    return score, detection.inversion(score, targets, PROCESS, TIMES, jax.random.key(0), **options)


@pytest.mark.slow
def test_what_is_always_generated_needs_no_change():
    _, found = inverted(POINTS[:1], None, POINTS[:1], updates=20)
    assert float(found.measure[0]) == 0 and int(found.steps[0]) == 0
    _, late = inverted(POINTS[:1], None, POINTS[:1], updates=20, test_first=False)
    assert 0 <= float(late.measure[0]) < 1e-6 and int(late.steps[0]) == 10


def test_a_point_that_is_not_in_the_training_set_is_never_found():
    _, found = inverted(POINTS[:1], None, -POINTS[:1], updates=20)
    assert np.isinf(found.measure[0]) and int(found.steps[0]) == 20


@pytest.mark.slow
def test_the_change_is_at_least_the_information_and_smaller_for_heavier_points():
    score, found = inverted(POINTS, WEIGHTS, POINTS[:3], updates=600)
    for i, target in enumerate(POINTS[:3]):
        start = PROCESS.sigma(TIMES[0]).astype(DTYPE) * found.draw(i, 400, key=jax.random.key(i))
        ends = integrators.sample(
            score, PROCESS, integrators.DDIM(), TIMES, (8,), 400, key=jax.random.key(1), start=start
        ).points
        alike = lambda x, target=target: np.asarray(jax.vmap(lambda y: detection.cosine(y, target))(x) >= 0.5)  # noqa: E731
        q, mass = alike(ends).mean(), float(WEIGHTS[alike(jnp.asarray(POINTS))].sum() / WEIGHTS.sum())
        assert 8 * float(found.measure[i]) >= theory.bernoulli_divergence(q, mass)
    assert float(found.measure[0]) < float(found.measure[1:].min())


def test_bad_counts_are_refused():
    with pytest.raises(ValueError, match="`trials` must be at least 1, but is 0"):
        inverted(POINTS[:1], None, POINTS[:1], trials=0)
