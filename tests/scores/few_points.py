"""Six points in the plane, levels with and without noise, and what the tests of scores that change a score ask of it."""

import jax.numpy as jnp
import numpy as np

from diffmem.level import NoiseLevel
from diffmem.reductions import Dense
from diffmem.scores import Empirical

DOUBLE = jnp.zeros(()).dtype == jnp.float64
FLOAT = np.float64 if DOUBLE else np.float32
RNG = np.random.default_rng(12)
POINTS, X = RNG.normal(size=(6, 2)), RNG.normal(size=2)
LEVELS = [NoiseLevel(1.0, 0.3), NoiseLevel(0.6, 0.8), NoiseLevel(0.0, 1.0), NoiseLevel(1.0, 0.0)]


def empirical(points):
    """By the reduction that compiles fastest."""
    return Empirical(points, reduction=Dense())


def close(found, truth):
    np.testing.assert_allclose(found, truth, rtol=1e-10 if DOUBLE else 1e-4, atol=1e-6)


def answer(score, x, level):
    return score.denoise(x, level), score.score(x, level), score.divergence(x, level)
