"""The fit of a Gaussian has the moments of the points."""

import numpy as np
import oracles

from diffmem.level import NoiseLevel
from diffmem.scores import (
    Gaussian,
)


def test_gaussian_fit_has_the_moments_of_the_points():
    points = np.random.default_rng(0).normal(size=(50, 2, 2)).astype(np.float32) + 1000
    fitted = Gaussian.fit(points)
    flat = points.reshape(50, 4).astype(np.float64)
    np.testing.assert_allclose(fitted.mean, flat.mean(0).reshape(2, 2), rtol=1e-7)
    level = NoiseLevel(1.0, 0.5)
    law = oracles.Law(np.ones(1), flat.mean(0)[None], np.cov(flat.T, bias=True)[None])
    truth = oracles.answer(law, points[0], *level)
    assert oracles.off(fitted.score(points[0], level), truth.score) < 1e-3
    assert fitted.mean.dtype == np.float32
