"""What is read off a training: copies at its snapshots, times of rising, exponents."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import processes, scores, studies, training
from diffmem.training import Training

PROCESS = processes.EDM(sigma_min=0.01, sigma_max=10.0)
POINTS = jnp.asarray(np.random.default_rng(0).normal(size=(12, 4)))


def course_of(stds, **options):
    """A training whose snapshots are Gaussian mixtures around the points, narrower and narrower."""
    held = [scores.GaussianMixture(jnp.ones(12), POINTS, jnp.full(12, std**2, POINTS.dtype)) for std in stds]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *held)
    loss = np.linspace(1.0, 0.1, len(stds))
    run = Training(held[-1], np.arange(1, len(stds) + 1), stacked, loss, loss, None)
    return studies.training_course(run, POINTS, PROCESS, key=jax.random.key(0), samples=60, **options)


@pytest.mark.slow
def test_copies_rise_as_the_score_narrows():
    found = course_of([3.0, 0.3, 0.01])
    assert found.copied[0] < 0.1 and found.copied[2] == 1.0 and found.copied[0] < found.copied[1] < 1.0
    assert np.all((found.copied_low <= found.copied) & (found.copied <= found.copied_high))
    assert found.copied.attrs["units"] == "1" and "held_out_loss" not in found
    np.testing.assert_array_equal(course_of([3.0, 0.3, 0.01], snapshots=[2]).copied, found.copied[2:])


@pytest.mark.slow
def test_members_are_followed_each_with_its_own_points():
    objective = training.ScoreMatching(training.LogUniform(0.1, 1.0))
    shrink = lambda share, x, level: share * x  # noqa: E731
    start = [scores.FromFunction(jax.tree_util.Partial(shrink, jnp.full(4, v))) for v in (0.3, 0.6)]
    run = training.fit_many(start, [POINTS, POINTS[:5]], objective, key=jax.random.key(0), steps=2, snapshots=[1, 2])
    found = studies.training_course(run, [POINTS, POINTS[:5]], PROCESS, key=jax.random.key(0), samples=8, steps=6)
    assert found.copied.dims == ("member", "step") and found.copied.shape == (2, 2)
    alone = studies.training_course(run.member(1), POINTS[:5], PROCESS, key=jax.random.key(0), samples=8, steps=6)
    np.testing.assert_array_equal(found.copied[1], alone.copied)


def test_rise_time():
    steps = np.array([1, 10, 100, 1000])
    assert studies.rise_time(steps, np.array([0.0, 0.0, 0.2, 0.6]), 0.4) == pytest.approx(10**2.5)
    assert np.isnan(studies.rise_time(steps, np.zeros(4), 0.4))
    assert np.isnan(studies.rise_time(steps, np.ones(4), 0.4))
    several = np.array([[0.0, 0.0, 0.2, 0.6], [0.0, 0.8, 0.8, 0.8], [0.0, 0.0, 0.0, 0.0]])
    np.testing.assert_allclose(studies.rise_time(steps, several, 0.4), [10**2.5, 10**0.5, np.nan])


def test_slope_is_the_exponent():
    n = np.array([16.0, 32.0, 64.0])
    assert studies.slope(n, 3 * n**1.4) == pytest.approx(1.4)
