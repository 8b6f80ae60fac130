"""Trained mixtures and their copies: what is known at both ends of the capacity, and the losses that predict between."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import scores
from diffmem.level import NoiseLevel
from diffmem.metrics import denoising_loss
from diffmem.papers.trained_mixtures import UniformSigma, clusters, copy_ratios, first_above, trained_mixtures
from diffmem.reductions import Dense
from diffmem.studies.loss_crossing import crossing_share, excess_losses

FLOAT = jnp.zeros(()).dtype


def test_levels_are_uniform_in_sigma_and_keep_the_variance():
    level = jax.vmap(UniformSigma().at)(jnp.linspace(0, 1, 11, dtype=FLOAT))
    np.testing.assert_allclose(level.sigma, np.linspace(0.001, 0.999, 11), rtol=1e-5)
    np.testing.assert_allclose(level.alpha**2 + level.sigma**2, 1, rtol=1e-6)


def test_means_of_the_clusters_lie_on_the_sphere():
    law = clusters(6, 3, key=jax.random.key(0))
    np.testing.assert_allclose(np.linalg.norm(law.means, axis=1), np.sqrt(6), rtol=1e-5)
    np.testing.assert_allclose(law.covariances.variances, 1)


@pytest.mark.slow
def test_copies_of_the_points_are_copies_and_a_broad_law_has_none():
    points = np.asarray(clusters(10, 3, key=jax.random.key(1)).draw(20, key=jax.random.key(2)))
    tight, broad = scores.TiedMixture(points, 1e-6), scores.TiedMixture(points, 1.0)
    found = copy_ratios([tight, broad], [points, points], key=jax.random.key(3), samples=60)
    assert found[0] == 1 and found[1] < 0.1


@pytest.mark.slow
def test_capacity_decides():
    """With as many means as points all samples are copies, with a quarter hardly any, and the losses fall in between."""
    points = clusters(12, 3, key=jax.random.key(1)).draw(24, key=jax.random.key(2))
    found = trained_mixtures([points, points], [24, 6], key=jax.random.key(3), steps=3000)
    assert [int(score.active) for score in found] == [24, 6] and found[0].means.shape == found[1].means.shape
    assert found[0].variance < 1e-3 < 0.2 < found[1].variance
    full, quarter = copy_ratios(found, [points, points], key=jax.random.key(4), samples=200)
    assert full > 0.98 and quarter < 0.2


def test_first_above():
    x, y = np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.1, 0.2, 0.6, 0.4])
    assert first_above(x, y, 0.4) == pytest.approx(1.5)
    assert np.isnan(first_above(x, y, 0.7)) and np.isnan(first_above(x, y, 0.05))


@pytest.mark.slow
def test_excess_losses_are_differences_of_losses_on_equal_noise():
    """Beside two direct calls of the loss; all points: nothing, the more the less, and the population above."""
    law = clusters(8, 2, key=jax.random.key(5))
    train, levels = law.draw(16, key=jax.random.key(6)), [NoiseLevel(0.9, 0.19**0.5), NoiseLevel(0.6, 0.8)]
    key = jax.random.key(7)
    generalizing, partial = excess_losses(law, train, np.array([0.25, 0.5, 1.0]), levels, key=key, draws=4)
    assert np.all(partial[2] == 0) and np.all(partial[0] > partial[1]) and np.all(partial[1] > 0)
    noise = jax.random.split(key)[1]
    for i, level in enumerate(levels):
        of = lambda score, level=level: float(denoising_loss(score, train, level, key=noise, draws=4).value) / 8  # noqa: E731
        known = scores.Empirical(train, jnp.ones(16, train.dtype), Dense())
        assert generalizing[i] == pytest.approx(of(law) - of(known), rel=1e-4)


def test_crossing_share():
    """Partial losses 1 - M/N against 1/4 and against more than is ever lost."""
    shares = np.array([0.2, 0.6, 1.0])
    partial = np.tile(1 - shares[:, None], (1, 3))
    assert crossing_share(shares, np.array([0.2, 0.25, 0.3]), partial) == pytest.approx(0.75)
    assert crossing_share(shares, np.full(3, 2.0), partial) == 0.2
