"""The fit of a mixture."""

import numpy as np

from diffmem.scores import (
    GaussianMixture,
)


def test_mixture_fit_finds_separated_clusters():
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.normal(size=(300, 2)) * 0.1 + 3, rng.normal(size=(100, 2)) * 0.2 - 3])
    fitted = GaussianMixture.fit(points, 2)
    order = np.argsort(-np.asarray(fitted.means)[:, 0])
    np.testing.assert_allclose(np.exp(fitted.log_weights)[order], [0.75, 0.25], atol=1e-6)
    np.testing.assert_allclose(np.asarray(fitted.means)[order], [points[:300].mean(0), points[300:].mean(0)], rtol=1e-5)
