"""Inversion of targets: what needs no change of the noise, what none achieves, and the bound by information."""

from itertools import pairwise

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


EDM = processes.EDM()


def searched(points, target, **options):
    grid = integrators.grids.karras(EDM, 3)
    score, target = scores.Empirical(np.asarray(points, DTYPE)), np.asarray(target, DTYPE)
    return detection.inversion(score, target, EDM, grid, jax.random.key(0), batch=2, trials=2, **options)


def test_as_many_updates_are_made_as_are_asked_for():
    """The first step of Adam moves each coordinate by its rate; two updates are not five."""
    never = {"points": [[1.0, 2.0], [-1.0, 1.0]], "target": [[3.0, -9.0]], "threshold": 2.0, "every": 5}
    one = searched(**never, updates=1)
    np.testing.assert_allclose(np.abs(one.mean), 0.1, rtol=1e-4)
    found = {updates: searched(**never, updates=updates) for updates in (1, 5, 6, 9)}
    for updates, end in found.items():
        assert int(end.steps[0]) == updates and np.isinf(end.measure[0])
    means = [np.asarray(end.mean) for end in found.values()]
    assert all(not np.allclose(a, b) for a, b in pairwise(means))
    assert np.abs(means[1]).max() <= 0.5 * (1 + 1e-5)


def test_the_law_after_the_last_update_is_tested():
    """A lone point is reached from every noise, at whichever test is the first."""
    end = searched([[1.0, 2.0]], [[1.0, 2.0]], updates=3, every=10, test_first=False)
    assert int(end.steps[0]) == 3 and np.isfinite(end.measure[0])


def test_the_cosine_in_half_precision():
    a, b = (jnp.asarray(v, jnp.bfloat16) for v in ([1.1, 2.3, -0.7], [0.9, 2.0, 0.3]))
    x, y = (np.asarray(v, np.float64) for v in (a, b))
    found = detection.cosine(a, b)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, x @ y / np.linalg.norm(x) / np.linalg.norm(y), rtol=1e-6)
