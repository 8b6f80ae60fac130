"""Ends of flows against the closed form, students of a Gaussian teacher, and the linear student by another fit."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import networks, scores, training
from diffmem.level import NoiseLevel
from diffmem.papers.jiang2026.experiment import HIGH, LOW, SMOKE, distilled, feature_distillation, flow_ends

FLOAT = jnp.zeros(()).dtype


def test_ends_of_a_gaussian_flow():
    """States keep their place: x sqrt((s^2 + low^2)/(s^2 + high^2))."""
    teacher = scores.Gaussian(jnp.zeros(3), jnp.asarray(0.49, FLOAT))
    start = 8 * jax.random.normal(jax.random.key(0), (20, 3), FLOAT)
    exact = start * math.sqrt((0.49 + LOW**2) / (0.49 + HIGH**2))
    np.testing.assert_allclose(flow_ends(teacher, start), exact, rtol=0.04)


@pytest.mark.slow
def test_both_students_follow_a_gaussian_teacher():
    teacher = scores.Gaussian(jnp.zeros(2), jnp.asarray(1.0, FLOAT))
    points = jax.random.normal(jax.random.key(0), (200, 2), FLOAT)
    network = networks.ResidualMLP(2, 32, key=jax.random.key(1))
    untrained = scores.FromFunction(training.ConsistencyFunction(network, 1.0, LOW))
    runs = distilled(teacher, untrained, points, 1.0, steps=2000, pairs=2000, key=jax.random.key(2))
    start = HIGH * jax.random.normal(jax.random.key(3), (200, 2), FLOAT)
    ends, level = flow_ends(teacher, start), NoiseLevel(jnp.ones((), FLOAT), jnp.asarray(HIGH, FLOAT))
    for run in runs.values():
        found = jax.vmap(lambda x, run=run: run.score.denoise(x, level))(start)
        assert np.sqrt(np.mean((found - ends) ** 2)) < 0.15


@pytest.mark.slow
def test_linear_student_by_another_way():
    """Least squares on the rows of features, with targets by Tweedie's formula from the fitted scores."""
    d, t, time, key = 6, 0.2, 1e3, jax.random.key(4)
    settings = SMOKE._replace(linear_d=d, psi_p=5, psi_n=3, linear_time=time)
    sample, population = feature_distillation(settings, t, key)
    first_key, point_key, noise_key = jax.random.split(key, 3)
    draw = lambda key, *shape: np.asarray(jax.random.normal(key, shape), np.float64)  # noqa: E731
    first, points = draw(first_key, 5 * d, d), draw(point_key, 3 * d, d)
    noise = np.concatenate([draw(jax.random.fold_in(noise_key, i), 20, 3 * d, d) for i in range(0, 100, 20)])
    now, before = (NoiseLevel(math.exp(-s), math.sqrt(1 - math.exp(-2 * s))) for s in (t, t / 2))
    fit, earlier = (training.fit_random_features(first, points, level) for level in (now, before))
    teacher, target = fit.flow_score(time), earlier.flow_score(time)
    x = (now.alpha * points + now.sigma * noise).reshape(-1, d)
    score = jax.vmap(lambda x: teacher.score(x, now))(jnp.asarray(x, FLOAT))
    clean = jax.vmap(lambda x: target.denoise(x, before))(jnp.asarray(x, FLOAT) * (1 + t / 2) + t / 2 * score)
    wanted = (now.alpha * np.asarray(clean, np.float64) - x) / now.sigma**2
    features = np.tanh(x @ first.T / math.sqrt(d)) / math.sqrt(5 * d)
    student = np.linalg.lstsq(features, wanted, rcond=None)[0].T
    energies = [
        fit.modes.eigenvalues * ((a @ fit.vectors) ** 2).sum(0)
        for a in (student, np.asarray(teacher.second, np.float64))
    ]
    exact = energies[0][-d:].sum() / energies[1][-d:].sum()
    assert population == pytest.approx(exact, rel=1e-4)
    exact = energies[0][-4 * d : -d].sum() / energies[1][-4 * d : -d].sum()
    assert sample == pytest.approx(exact, rel=1e-3)
