"""A flow from given states: the closed form of a Gaussian, and nothing random."""

import jax
import jax.numpy as jnp
import numpy as np

from diffmem import integrators, processes, scores
from diffmem.papers.flows import flow_from


def test_a_gaussian_flow_keeps_the_place_of_every_state():
    """x sqrt((s^2 + low^2)/(s^2 + high^2)) for N(0, s^2) and alpha = 1."""
    process, score = processes.EDM(sigma_min=0.1, sigma_max=5.0), scores.Gaussian(jnp.zeros(2), jnp.asarray(0.49))
    start = 5 * jax.random.normal(jax.random.key(0), (6, 2))
    times = integrators.grids.karras(process, 64)
    found = flow_from(start, score, process, times, observe=lambda x, level, here: x)
    np.testing.assert_allclose(found.points, start * np.sqrt((0.49 + 0.01) / (0.49 + 25)), rtol=1e-2)
    np.testing.assert_array_equal(found.observed[0], start)
    end = flow_from(start, score, process, times, finish="denoise").points
    np.testing.assert_allclose(end, found.points * 0.49 / 0.5, rtol=1e-5)
