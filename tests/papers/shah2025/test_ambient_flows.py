"""Flows of Gaussians and of two points under either score, and averages over samples of one source."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import scores
from diffmem.papers.shah2025.ambient_flows import ambient_branches, average_by_source, flow_between

FLOAT = jnp.zeros(()).dtype


def test_average_by_source():
    clean = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    seen = clean + np.array([1.0, 0.0])
    samples = np.concatenate([seen[0] + np.array([[0, 0.5], [0, -0.5], [0.25, 0], [-0.25, 0]]), seen[1:2]])
    distance, size = average_by_source(samples, seen, clean, least=2)
    np.testing.assert_array_equal(size, [4, 1, 0])
    assert distance[0] == pytest.approx(1.0) and np.isnan(distance[1:]).all()


def test_flow_between_two_noises_of_a_gaussian():
    teacher = scores.Gaussian(jnp.zeros(3), jnp.asarray(0.49, FLOAT))
    start = 5 * jax.random.normal(jax.random.key(0), (20, 3), FLOAT)
    found = flow_between(teacher, start, 5.0, 0.5, steps=48)
    np.testing.assert_allclose(found, start * np.sqrt((0.49 + 0.25) / (0.49 + 25)), rtol=0.01)


@pytest.mark.slow
def test_ambient_states_are_noisy_copies():
    """Two points far apart: the ambient flow ends on one of the two copies, the plain one around the points."""
    train, z = jnp.asarray([[-20.0, 0.0], [20.0, 0.0]], FLOAT), jnp.asarray([[1.0, 2.0], [-1.0, 0.5]], FLOAT)
    start = 60 * jax.random.normal(jax.random.key(1), (40, 2), FLOAT)
    found = ambient_branches(train, z, 0.3, start, 60.0, steps=40)
    for name, centres, size in (("ambient", train + 0.3 * z, 0.0), ("plain", train, 0.3)):
        distance = jnp.linalg.norm(found[name][:, None] - centres[None], axis=-1).min(1)
        assert jnp.sqrt(jnp.mean(distance**2)) == pytest.approx(np.sqrt(2) * size, rel=0.4, abs=0.01)
