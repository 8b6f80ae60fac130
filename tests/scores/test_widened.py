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
