"""The posterior of nested batches: whichever of points and levels is batched first, each answer is that of its query."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import NoiseLevel, reductions, scores

KEYS = jax.random.split(jax.random.key(0), 2)
POINTS, QUERIES = jax.random.normal(KEYS[0], (40, 3)), jax.random.normal(KEYS[1], (5, 3))
SIGMAS = jnp.array([0.2, 1.0])


@pytest.mark.slow
@pytest.mark.parametrize("reduction", [reductions.Dense(), reductions.Chunked(16)])
def test_points_and_levels_are_batched_in_either_order(reduction):
    score = scores.Empirical(POINTS, reduction=reduction)

    def log_prob(x, sigma):
        return score.log_prob(x, NoiseLevel(0.5, sigma))

    singly = np.array([[log_prob(x, sigma) for x in QUERIES] for sigma in SIGMAS])
    over_points, over_levels = jax.vmap(log_prob, (0, None)), jax.vmap(log_prob, (None, 0))
    levels_last = jax.vmap(over_points, (None, 0))(QUERIES, SIGMAS)
    points_last = jax.vmap(over_levels, (0, None))(QUERIES, SIGMAS)
    np.testing.assert_allclose(levels_last, singly, rtol=1e-5)
    np.testing.assert_allclose(points_last.T, singly, rtol=1e-5)
