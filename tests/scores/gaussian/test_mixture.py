"""The fit of a mixture, and mixtures far from the origin and at the least noise, in single precision."""

import numpy as np
import oracles
import pytest

from diffmem.level import NoiseLevel
from diffmem.scores import GaussianMixture


def test_mixture_fit_finds_separated_clusters():
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.normal(size=(300, 2)) * 0.1 + 3, rng.normal(size=(100, 2)) * 0.2 - 3])
    fitted = GaussianMixture.fit(points, 2)
    order = np.argsort(-np.asarray(fitted.means)[:, 0])
    np.testing.assert_allclose(np.exp(fitted.log_weights)[order], [0.75, 0.25], atol=1e-6)
    np.testing.assert_allclose(np.asarray(fitted.means)[order], [points[:300].mean(0), points[300:].mean(0)], rtol=1e-5)


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_covariance_and_slope_where_all_means_are_far_from_the_origin(offset):
    """A shift of points and query by a number that single precision holds changes nothing."""
    points, x = np.array([[0.0], [1.0], [2.0]]), np.array([1.0])
    variance = np.full(3, 0.1, np.float32)
    score = GaussianMixture(np.ones(3, np.float32), (points + offset).astype(np.float32), variance)
    law = oracles.Law(np.full(3, 1 / 3), points, np.float64(variance)[:, None, None])
    far, v = (x + offset).astype(np.float32), np.ones(1, np.float32)
    for sigma in (0.3, 0.9, 2.0):
        level, truth = NoiseLevel(1.0, sigma), oracles.answer(law, x, 1.0, np.float32(sigma))
        covariance, slope = score.covariance(far, level), score.jacobian_vector(far, level, v)
        found = float(covariance[0, 0]), float(score.posterior(far, level).spread), float(slope[0])
        C = truth.covariance[0, 0]
        right = C, C, C / np.float64(np.float32(sigma)) ** 2
        np.testing.assert_allclose(found, right, rtol=2e-5)


def test_divergence_at_a_noise_far_below_the_distance_of_points():
    """The other point is (2/sigma) standard deviations away: its term of the divergence is 0 and that of the nearest 1."""
    score = GaussianMixture(np.ones(2, np.float32), np.array([[-1.0], [1.0]], np.float32), np.zeros(2, np.float32))
    for sigma in (1e-6, 1e-10, 1e-15, 1e-18):
        found = score.divergence(np.ones(1, np.float32), NoiseLevel(1.0, sigma))
        np.testing.assert_allclose(float(found), -1 / np.float64(sigma) ** 2, rtol=1e-5)
