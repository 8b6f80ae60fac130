"""Points that are widened into Gaussians of one width."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem.level import NoiseLevel
from diffmem.reductions import Dense
from diffmem.scores import Empirical, Gaussian, Widened

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


def test_a_widened_point_is_a_gaussian():
    wide, truth = Widened(empirical(POINTS[:1].astype(FLOAT)), 0.7), Gaussian(POINTS[0].astype(FLOAT), FLOAT(0.49))
    both = jax.jit(lambda x, a, s: [answer(score, x, NoiseLevel(a, s)) for score in (wide, truth)])
    slopes = jax.jit(jax.jacfwd(lambda x, a, s: wide.denoise(x, NoiseLevel(a, s)), argnums=(0, 1, 2)))
    for level in LEVELS:
        arguments = X.astype(FLOAT), *map(FLOAT, level)
        for found, value in zip(*both(*arguments)):
            close(found, value)
        assert all(np.all(np.isfinite(slope)) for slope in slopes(*arguments))


def test_no_width_is_the_held_score():
    held = empirical(POINTS.astype(FLOAT))
    wide, x = Widened(held, 0.0), X.astype(FLOAT)
    both = jax.jit(lambda x, a, s: [answer(score, x, NoiseLevel(a, s))[:2] for score in (wide, held)])
    slopes = jax.jit(jax.jacfwd(lambda x, a, s: wide.denoise(x, NoiseLevel(a, s)), argnums=(0, 1, 2)))
    for level in LEVELS:
        for found, value in zip(*both(x, *map(FLOAT, level))):
            np.testing.assert_allclose(found, value, rtol=1e-6)
        assert not any(np.any(np.isnan(slope)) for slope in slopes(x, *map(FLOAT, level)))
    with pytest.raises(ValueError, match="`width` must be at least 0"):
        Widened(held, -1.0)
