"""Ends of flows against the closed form, and students of a Gaussian teacher."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import networks, scores
from diffmem.level import NoiseLevel
from diffmem.papers.jiang2026.students import distilled, flow_ends

FLOAT = jnp.zeros(()).dtype


def test_ends_of_a_gaussian_flow():
    """States keep their place: x sqrt((s^2 + low^2)/(s^2 + high^2)); the error falls as the square of the step."""
    teacher = scores.Gaussian(jnp.zeros(3), jnp.asarray(0.49, FLOAT))
    start = 5 * jax.random.normal(jax.random.key(0), (20, 3), FLOAT)
    exact = start * math.sqrt((0.49 + 0.01) / (0.49 + 25))
    coarse, fine = (np.abs(flow_ends(teacher, start, (0.1, 5.0, nodes)) - exact).max() for nodes in (17, 33))
    assert fine < 0.01 and coarse / fine == pytest.approx(4, rel=0.5)


@pytest.mark.slow
def test_both_students_follow_a_gaussian_teacher():
    teacher = scores.Gaussian(jnp.zeros(2), jnp.asarray(1.0, FLOAT))
    points, flow = jax.random.normal(jax.random.key(0), (200, 2), FLOAT), (0.1, 5.0, 12)
    network = networks.ResidualMLP(2, 32, key=jax.random.key(1))
    options = {"steps": 2000, "pairs": 2000, "snapshots": [2000], "key": jax.random.key(2)}
    runs = distilled(teacher, network, points, flow, 1.0, **options)
    start = 5 * jax.random.normal(jax.random.key(3), (200, 2), FLOAT)
    ends, level = flow_ends(teacher, start, flow), NoiseLevel(jnp.ones((), FLOAT), jnp.asarray(5.0, FLOAT))
    for run in runs.values():
        found = jax.vmap(lambda x, run=run: run.score.denoise(x, level))(start)
        assert np.sqrt(np.mean((found - ends) ** 2)) < 0.15
