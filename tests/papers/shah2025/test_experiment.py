"""Flows of Gaussians and of noisy copies, and averages over samples of one source."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import scores
from diffmem.papers.shah2025.experiment import SMOKE, D, average_by_source, flow_between, one_noise, training_set

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
def test_ambient_states_lead_to_noisy_copies():
    """The averages of ambient states end on the copies, at the distance of the noise of each from its point."""
    settings = SMOKE._replace(n=8, samples=200)
    drawn = training_set(settings.n, jax.random.key(0))
    start = 80 * jax.random.normal(jax.random.key(1), (settings.samples, D), FLOAT)
    found = one_noise(drawn, 0.3, start, settings.steps)
    error, seen = found.error.isel(branch=1).values, found["size"].isel(branch=1).values >= 10
    np.testing.assert_allclose(error[seen], found.own.values[seen], rtol=0.01)
    assert seen.sum() > 4 and np.isnan(error[~seen]).all()
