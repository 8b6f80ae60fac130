"""Densities at noisy points against the law itself, and own weights against the posterior of the empirical score."""

import jax
import jax.numpy as jnp
import numpy as np

from diffmem import scores
from diffmem.level import NoiseLevel
from diffmem.papers.noisy_densities import log_densities, own_weights

FLOAT = jnp.zeros(()).dtype
LEVELS = NoiseLevel(jnp.asarray([0.9, 0.5], FLOAT), jnp.asarray([0.4, 1.1], FLOAT))
POINTS, Z = jax.random.normal(jax.random.key(0), (2, 7, 3), FLOAT)


def test_densities_and_own_weights():
    score = scores.Empirical(POINTS)
    found = log_densities(score, POINTS, Z, LEVELS)
    weights = own_weights(np.asarray(found), np.asarray(Z), np.asarray(LEVELS.sigma, np.float64), len(POINTS))
    for k in range(2):
        level = NoiseLevel(LEVELS.alpha[k], LEVELS.sigma[k])
        x = level.alpha * POINTS + level.sigma * Z
        np.testing.assert_allclose(found[k], [score.log_prob(one, level) for one in x], rtol=1e-5)
        distance = np.linalg.norm(np.asarray(x)[:, None] - float(level.alpha) * np.asarray(POINTS), axis=2)
        energy = distance**2 / (2 * float(level.sigma) ** 2)
        posterior = np.exp(-energy) / np.exp(-energy).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(weights[k], np.diag(posterior).mean(), rtol=1e-4)
