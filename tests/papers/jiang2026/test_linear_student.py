"""The linear student against a fit through the scores themselves."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import training
from diffmem.level import NoiseLevel
from diffmem.papers.jiang2026.linear_student import feature_distillation

FLOAT = jnp.zeros(()).dtype


@pytest.mark.slow
def test_linear_student_by_another_way():
    """Least squares on the rows of features, with targets by Tweedie's formula from the fitted scores."""
    d, t, time, key = 6, 0.2, 1e3, jax.random.key(4)
    options = {"d": d, "psi_p": 5, "psi_n": 3, "blocks": 1, "key": key}
    sample, population = feature_distillation(t, time, **options)
    first_key, point_key, noise_key = jax.random.split(key, 3)
    draw = lambda key, *shape: np.asarray(jax.random.normal(key, shape), np.float64)  # noqa: E731
    first, points = draw(first_key, 5 * d, d), draw(point_key, 3 * d, d)
    noise = draw(jax.random.fold_in(noise_key, 0), 20, 3 * d, d)
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
