"""The denoising loss against closed forms, and the promise of equal noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import metrics, scores
from diffmem.level import NoiseLevel

DTYPE = jnp.zeros(()).dtype
KEY = jax.random.key(0)


def test_of_one_gaussian():
    """D shrinks by g: |(g alpha - 1) y + g sigma z|^2 has mean (g alpha - 1)^2 |y|^2 + g^2 sigma^2 d."""
    variance, alpha, sigma, d = 0.6, 0.8, 0.5, 4
    points = np.random.default_rng(0).normal(size=(300, 2, 2)).astype(DTYPE)
    gain = alpha * variance / (alpha**2 * variance + sigma**2)
    score = scores.Gaussian(np.zeros((2, 2)), variance)
    found = metrics.denoising_loss(score, points, NoiseLevel(alpha, sigma), key=KEY, draws=20)
    exact = (gain * alpha - 1) ** 2 * (points**2).sum((1, 2)).mean() + gain**2 * sigma**2 * d
    # the noise alone: |z|^2 has variance 2 d, and the cross term adds its own
    spread = np.sqrt((2 * d * (gain * sigma) ** 4 + 4 * (gain * sigma * (gain * alpha - 1)) ** 2 * d) / 6000)
    assert abs(found.value - exact) < 4 * spread
    assert 0 < found.error < 0.1 * exact


def test_equal_keys_are_equal_noise():
    """D(x) = x loses |sigma z|^2: with one z for both levels the ratio is exact, and a point keeps its z in a longer set."""
    points = np.random.default_rng(1).normal(size=(50, 3)).astype(DTYPE)
    identity = scores.FromFunction(lambda x, level: x)
    quiet, loud = (metrics.denoising_loss(identity, points, NoiseLevel(1.0, s), key=KEY).value for s in (0.1, 0.2))
    assert float(loud / quiet) == pytest.approx(4, rel=1e-4)
    # z of point i depends on i only: sums over longer sets hold those over shorter ones
    means = [float(metrics.denoising_loss(identity, points[:n], NoiseLevel(1.0, 1.0), key=KEY).value) for n in (20, 21)]
    assert 0 < 21 * means[1] - 20 * means[0] < 20
    z = jax.random.normal(jax.random.fold_in(jax.random.fold_in(KEY, 20), 0), (3,), DTYPE)
    assert 21 * means[1] - 20 * means[0] == pytest.approx(float(jnp.sum(z**2)), rel=1e-3)


def test_bad_losses_are_one_sentence():
    score = scores.Gaussian(np.zeros(2), 1.0)
    with pytest.raises(ValueError, match="must hold at least 2 points"):
        metrics.denoising_loss(score, np.zeros((1, 2)), NoiseLevel(1.0, 1.0), key=KEY)
    with pytest.raises(ValueError, match="`draws` must be at least 1, but is 0"):
        metrics.denoising_loss(score, np.zeros((3, 2)), NoiseLevel(1.0, 1.0), key=KEY, draws=0)
