"""The mixture of one variance: single precision where it is hard, its gradient, its ends, and the means not in use."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracles import Law, answer

from diffmem.level import NoiseLevel
from diffmem.scores import Empirical, TiedMixture

DOUBLE = jnp.zeros(()).dtype == jnp.float64
FLOAT = np.float64 if DOUBLE else np.float32
RNG = np.random.default_rng(6)
MEANS, X, UNUSED = RNG.normal(size=(5, 4)), RNG.normal(size=4), RNG.normal(size=(2, 4))


def law(means, variance):
    """Of the float32 numbers that the library is given."""
    means = np.asarray(means, np.float64)
    return Law(np.ones(len(means)), means, variance * np.tile(np.eye(means.shape[1]), (len(means), 1, 1)))


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_near_means_far_from_the_origin_in_single_precision(offset):
    """Two means at a distance of a hundredth, 1000 away from the origin, at a noise of a hundredth of the spread."""
    means = (np.concatenate([MEANS, MEANS[:1] + 0.02]) + offset).astype(np.float32)
    score, variance = TiedMixture(means, np.float32(1e-5)), float(np.float32(1e-5))
    for alpha, sigma in ((1.0, 0.01), (0.5, 0.02), (1.0, 1.0)):
        level = NoiseLevel(np.float32(alpha), np.float32(sigma))
        # on the line between the two, where their weights compare
        x = (alpha * (0.6 * np.float64(means[0]) + 0.4 * np.float64(means[-1])) + 0.3 * sigma).astype(np.float32)
        truth = answer(law(means, variance), np.float64(x), alpha, float(level.sigma))
        found, denoised = (np.float64(part) for part in (score.score(x, level), score.denoise(x, level)))
        assert np.linalg.norm(found - truth.score) < 1e-3 * np.linalg.norm(truth.score)
        assert np.linalg.norm(denoised - truth.mean) < 2e-4 * (1 + offset / 1000)


def test_without_variance_it_is_the_empirical_score():
    for sigma in (0.3, 1.0):
        level = NoiseLevel(0.8, sigma)
        tied, empirical = TiedMixture(MEANS.astype(FLOAT), 1e-12), Empirical(MEANS.astype(FLOAT))
        np.testing.assert_allclose(tied.denoise(X, level), empirical.denoise(X, level), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(tied.score(X, level), empirical.score(X, level), rtol=1e-5, atol=1e-6)


def test_ends():
    score = TiedMixture(MEANS.astype(FLOAT), 0.3)
    np.testing.assert_allclose(score.denoise(X, NoiseLevel(0.5, 0.0)), 2 * X, rtol=1e-5, atol=1e-6)
    truth = answer(law(MEANS.astype(FLOAT), 0.3), X, 0.5, 0.0)
    np.testing.assert_allclose(score.score(X, NoiseLevel(0.5, 0.0)), truth.score, rtol=1e-4)
    np.testing.assert_allclose(score.denoise(X, NoiseLevel(0.0, 2.0)), MEANS.mean(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(score.score(X, NoiseLevel(0.0, 2.0)), -X / 4, rtol=1e-5)
    alone = TiedMixture(MEANS[:1].astype(FLOAT), 0.3)
    kept = 0.8 * 0.3 / (0.64 * 0.3 + 0.36)
    found = alone.denoise(X, NoiseLevel(0.8, 0.6))
    np.testing.assert_allclose(found, MEANS[0] + kept * (X - 0.8 * MEANS[0]), rtol=1e-5, atol=1e-6)


def dense(means, log_variance, x, alpha, sigma):
    """The definition, for derivatives by JAX alone."""
    variance = jnp.exp(log_variance)
    total = alpha**2 * variance + sigma**2
    away = x[None] - alpha * means
    w = jax.nn.softmax(-jnp.sum(away**2, axis=1) / (2 * total))
    return w @ (means + alpha * variance / total * away)


@pytest.mark.slow
def test_gradients_in_the_weights_and_in_x_are_those_of_the_definition():
    score, level = TiedMixture(np.concatenate([MEANS, UNUSED]).astype(FLOAT), 0.3, 5), NoiseLevel(0.8, 0.6)
    x, tilt = X.astype(FLOAT), jnp.arange(4, dtype=FLOAT)

    def loss(score):
        return jnp.sum(tilt * score.denoise(x, level))

    found = eqx.filter_jit(eqx.filter_grad(loss))(score)
    truth = jax.grad(lambda m, v: jnp.sum(tilt * dense(m, v, x, 0.8, 0.6)), (0, 1))(
        score.centres[:5], score.log_variance
    )
    loose = 1e-9 if DOUBLE else 1e-4
    np.testing.assert_allclose(found.centres[:5], truth[0], rtol=loose, atol=loose)
    np.testing.assert_allclose(found.log_variance, truth[1], rtol=loose, atol=loose)
    assert not np.any(found.centres[5:]) and found.active is None
    jacobian = jax.jacfwd(lambda x: score.denoise(x, level))(x)
    truth = jax.jacfwd(lambda x: dense(score.centres[:5], score.log_variance, x, 0.8, 0.6))(x)
    np.testing.assert_allclose(jacobian, truth, rtol=loose, atol=loose)


def test_sizes_stack_under_vmap():
    """One compiled function for several numbers of means, each as if it held no others."""
    held = np.concatenate([MEANS, UNUSED]).astype(FLOAT)
    sizes, x, level = (1, 3, 7), X.astype(FLOAT), NoiseLevel(0.8, 0.6)
    parts = [eqx.partition(TiedMixture(held, 0.3, size), eqx.is_array) for size in sizes]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *[part[0] for part in parts])
    together = jax.vmap(lambda arrays: eqx.combine(arrays, parts[0][1]).denoise(x, level))(stacked)
    for size, found in zip(sizes, together):
        truth = TiedMixture(held[:size], 0.3).denoise(x, level)
        np.testing.assert_allclose(found, truth, rtol=1e-5, atol=1e-6)


def test_a_start_is_made_of_points():
    points = RNG.normal(size=(6, 2, 2)).astype(FLOAT)
    score = TiedMixture.of_points(points, 4, capacity=9, variance=0.01, key=jax.random.key(0))
    assert score.means.shape == (9, 2, 2) and int(score.active) == 4
    assert len(np.unique(score.means[:6], axis=0)) == 6  # each once before any comes again
    assert {tuple(mean.ravel()) for mean in np.asarray(score.means)} == {tuple(point.ravel()) for point in points}
    spread = np.mean((np.float64(points) - points.mean(0, dtype=np.float64)) ** 2)
    np.testing.assert_allclose(score.variance, 0.01 * spread, rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: TiedMixture(MEANS, 0.0), "`variance` must be positive and finite, but is 0.0."),
        (lambda: TiedMixture(MEANS, 1.0, 6), "`active` must be from 1 to 5, the number of means, but is 6."),
        (lambda: TiedMixture(MEANS * np.nan, 1.0), "`means` must be finite"),
        (
            lambda: TiedMixture.of_points(MEANS, 3, capacity=2, key=jax.random.key(0)),
            "`components` must be from 1 to `capacity`, 2, but is 3.",
        ),
        (
            lambda: TiedMixture.of_points(MEANS[:1], 1, key=jax.random.key(0)),
            "`points` must hold two different points, but all are equal.",
        ),
    ],
)
def test_bad_requests_are_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


@pytest.mark.parametrize("sigma", [1e12, 1e19, 3e22])
def test_a_noise_whose_square_single_precision_cannot_hold(sigma):
    """Far above all distances the weights are equal: score and noise are those of N(0, sigma^2)."""
    score, x = TiedMixture(MEANS.astype(np.float32), np.float32(0.5)), np.array([1.0, -2.0, 0.5, 0.25])
    level, far = NoiseLevel(1.0, sigma), (sigma * x).astype(np.float32)
    np.testing.assert_allclose(score.noise(far, level), x, rtol=1e-5)
    for slope in (score.score, jax.jit(lambda x, level: score.score(x, level))):
        np.testing.assert_allclose(np.float64(slope(far, level)) * sigma, -x, rtol=1e-5)
    np.testing.assert_allclose(score.denoise(far, level), MEANS.mean(axis=0), rtol=1e-4, atol=1e-5)
