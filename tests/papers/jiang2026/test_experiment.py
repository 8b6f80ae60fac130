"""Ends of flows against the closed form, and students of a Gaussian teacher."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import networks, scores, training
from diffmem.level import NoiseLevel
from diffmem.papers.jiang2026.experiment import HIGH, LOW, distilled, flow_ends

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
