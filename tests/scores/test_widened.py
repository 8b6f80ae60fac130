"""Points that are widened into Gaussians of one width."""

import jax
import numpy as np
import pytest
from few_points import FLOAT, LEVELS, POINTS, X, answer, close, empirical

from diffmem.level import NoiseLevel
from diffmem.scores import Gaussian, Widened


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


@pytest.mark.parametrize("unit", [1e-20, 1.0, 1e15])
def test_both_rates_may_be_of_any_size(unit):
    """N(0, 1) widened by 1 at alpha = sigma = u is N(0, 2): D' = x alpha 2 / (2 alpha^2 + sigma^2), 2/3 at x = u."""
    score = Widened(Gaussian(np.zeros(1, np.float32), np.float32(1.0)), 1.0)
    point = Widened(Gaussian(np.zeros(1, np.float32), np.float32(0.0)), 1.0)
    x, level = np.full(1, unit, np.float32), NoiseLevel(unit, unit)
    both = lambda x, level: (score.denoise(x, level), point.denoise(x, level))  # noqa: E731
    for found in (both(x, level), jax.jit(both)(x, level)):
        np.testing.assert_allclose(found, [[2 / 3], [1 / 2]], rtol=1e-5)
