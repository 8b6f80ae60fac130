"""What constructors refuse, and what the fits, the heaviest centres and the weight of one centre return."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from diffmem.level import NoiseLevel
from diffmem.processes import FlowMatching
from diffmem.reductions import Chunked, Dense
from diffmem.scores import (
    Empirical,
    FromFunction,
    FromHost,
    FromNoisePrediction,
    FromVelocity,
    Gaussian,
    GaussianMixture,
    Guided,
    LowRankMixture,
)

DOUBLE = jnp.zeros(()).dtype == jnp.float64
FLOAT = np.float64 if DOUBLE else np.float32
LEVEL = NoiseLevel(0.8, 0.6)
EYE = np.eye(2)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Empirical(np.zeros(3)), "`points` must have shape (n, *shape) with n >= 1 and a shape, but has shape (3,)."),
        (lambda: Empirical(np.zeros((0, 3))), "but has shape (0, 3)."),
        (lambda: Empirical(np.array([[np.nan, 0]])), "`points` must be finite, but holds NaN or infinite values."),
        (lambda: Empirical(EYE, np.ones(3)), "`weights` must have shape (2,), one for each centre, but has shape (3,)."),
        (lambda: Empirical(EYE, np.array([1.0, -1.0])), "`weights` must be at least 0, but holds -1.0."),
        (lambda: Empirical(EYE, np.zeros(2)), "`weights` must not all be 0."),
        (lambda: Empirical(EYE, np.array([1.0, np.inf])), "`weights` must be finite"),
        (lambda: Empirical(EYE, reduction=Chunked(0)), "`size` must be at least 1, but is 0."),
        (lambda: Empirical(EYE).weights(np.zeros(2), LEVEL, 3), "`k` must be between 1 and 2, the number of points, but is 3."),
        (lambda: Gaussian(np.zeros(2), -1.0), "`covariances` must be at least 0"),
        (lambda: Gaussian(np.zeros(2), np.ones(3)), "`covariances` must have shape"),
        (lambda: Gaussian(np.zeros(2), np.array([[1.0, 2.0], [0.0, 1.0]])), "`covariances` must be symmetric."),
        (lambda: Gaussian(np.array([np.nan, 0]), 1.0), "`mean` must be finite"),
        (lambda: GaussianMixture(np.ones(2), EYE, np.ones(3)), "`covariances` must have shape (2,), (2, 2) or (2, 2, 2)"),
        (lambda: GaussianMixture(np.ones(3), EYE, np.ones(2)), "`weights` must have shape (2,)"),
        (lambda: GaussianMixture.fit(EYE, 3), "`components` must be between 1 and 2, the number of points, but is 3."),
        (lambda: LowRankMixture(np.ones(2), EYE, np.ones((2, 2, 3)), np.ones((2, 3))), "`factors` must have shape (2, 2, r)"),
        (lambda: LowRankMixture(np.ones(2), EYE, np.ones((2, 2, 1)), np.ones((2, 2))), "`variances` must have shape (2, 1)"),
        (lambda: LowRankMixture(np.ones(2), EYE, np.ones((2, 2, 1)), -np.ones((2, 1))), "`variances` must be at least 0"),
        (lambda: LowRankMixture(np.ones(2), EYE, np.ones((2, 2, 1)), np.ones((2, 1)), -1.0), "`floor` must be at least 0"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence(make, sentence):
    with pytest.raises(ValueError, match=r"^[^\n]*\.$") as error:
        make()
    assert sentence in str(error.value)


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


def test_mixture_fit_finds_separated_clusters():
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.normal(size=(300, 2)) * 0.1 + 3, rng.normal(size=(100, 2)) * 0.2 - 3])
    fitted = GaussianMixture.fit(points, 2)
    order = np.argsort(-np.asarray(fitted.means)[:, 0])
    np.testing.assert_allclose(np.exp(fitted.log_weights)[order], [0.75, 0.25], atol=1e-6)
    np.testing.assert_allclose(np.asarray(fitted.means)[order], [points[:300].mean(0), points[300:].mean(0)], rtol=1e-5)


@pytest.mark.parametrize("reduction", [Dense(), Chunked(3)], ids=["dense", "chunked"])
def test_heaviest_centres_are_distinct_also_without_weight(reduction):
    """All n asked for, some without weight: each index once."""
    points = np.random.default_rng(2).normal(size=(8, 3)).astype(FLOAT)
    weights = np.array([1, 0, 2, 0, 1, 1, 0, 1], FLOAT)
    index, weight = Empirical(points, weights, reduction).weights(points[5], LEVEL, 8)
    truth = oracles.points_answer(points, points[5], *LEVEL, weights)[0]
    assert sorted(index.tolist()) == list(range(8))
    np.testing.assert_allclose(weight, truth[np.asarray(index)], rtol=1e-4, atol=1e-12)
    assert np.all(np.diff(np.asarray(weight)) <= 0)


@pytest.mark.parametrize("d", [3, 40])
def test_the_weight_of_one_centre(d):
    points = np.random.default_rng(3).normal(size=(20, d)).astype(FLOAT)
    score = Empirical(points)
    truth = oracles.points_answer(points, points[5], 1.0, 1.5)[0]
    found = jax.vmap(lambda i: score.weight(points[5], NoiseLevel(1.0, 1.5), i))(jnp.arange(20))
    np.testing.assert_allclose(found, truth, rtol=1e-9 if DOUBLE else 1e-3)


def test_noise_prediction_cannot_denoise_pure_noise():
    """Also when traced (diffusers#3851)."""
    score = FromNoisePrediction(lambda x, level: x)
    x = np.ones(2, FLOAT)
    with pytest.raises(Exception, match="`alpha` must be positive to denoise by a noise prediction, but is 0"):
        jax.block_until_ready(score.denoise(x, NoiseLevel(0.0, 1.0)))
    with pytest.raises(Exception, match="`alpha` must be positive"):
        jax.block_until_ready(jax.jit(lambda a: score.denoise(x, NoiseLevel(a, 1.0)))(0.0))
    np.testing.assert_allclose(score.score(x, NoiseLevel(0.0, 1.0)), -x)


def test_velocity_of_pure_noise():
    """At alpha = 0 of flow matching v = z - D: the score is -x and D the mean."""
    truth = Gaussian(np.full(2, 0.3, FLOAT), FLOAT(0.2))
    score = FromVelocity(lambda x, level: truth.noise(x, level) - truth.denoise(x, level), FlowMatching())
    x = np.array([0.4, -1.0], FLOAT)
    for t in (1.0, 0.6, 0.1):
        level = NoiseLevel(1 - t, t)
        assert oracles.off(score.denoise(x, level), truth.denoise(x, level)) < 1e-5
        assert oracles.off(score.score(x, level), truth.score(x, level)) < 1e-5


def test_the_host_is_called_once_a_batch():
    """With NumPy arrays of one row for each point, in the order of the batch; a wrong shape is an error."""
    seen = []

    def halve(x, alpha, sigma):
        seen.append((x.shape, alpha.shape, sigma.shape))
        return x / 2

    score = FromHost(halve)
    xs = np.arange(12, dtype=FLOAT).reshape(4, 3)
    found = jax.jit(jax.vmap(lambda x, s: score.denoise(x, NoiseLevel(1.0, s))))(xs, np.arange(1, 5, dtype=FLOAT))
    np.testing.assert_array_equal(found, xs / 2)
    assert seen == [((4, 3), (4,), (4,))]
    seen.clear()
    np.testing.assert_array_equal(score.denoise(xs[1], LEVEL), xs[1] / 2)
    assert seen == [((1, 3), (1,), (1,))]
    with pytest.raises(Exception, match="must return shape"):
        jax.block_until_ready(FromHost(lambda x, alpha, sigma: x[0]).denoise(xs[0], LEVEL))


def test_guidance_interpolates_and_extrapolates():
    one, other = Gaussian(np.full(2, 1.0, FLOAT), FLOAT(0.3)), Gaussian(np.zeros(2, FLOAT), FLOAT(1.0))
    x = np.array([0.2, 0.5], FLOAT)
    for weight in (0.0, 1.0, 7.5):
        guided = Guided(one, other, weight)
        for name in ("denoise", "score", "noise", "divergence"):
            c, u = (np.asarray(getattr(part, name)(x, LEVEL)) for part in (one, other))
            np.testing.assert_allclose(getattr(guided, name)(x, LEVEL), u + weight * (c - u), rtol=1e-4, atol=1e-6)
    at_level = Guided(one, other, lambda level: 2 * level.sigma)
    assert oracles.off(at_level.score(x, LEVEL), Guided(one, other, 1.2).score(x, LEVEL)) < 1e-6


def test_a_score_of_ones_own_in_three_lines():
    """Its divergence is the trace of its Jacobian, whatever the shape."""
    score = FromFunction(lambda x, level: jnp.sin(x) * level.alpha)
    x = np.linspace(-1, 1, 6).reshape(2, 3).astype(FLOAT)
    truth = np.sum(0.8 * 0.8 * np.cos(x) - 1) / 0.36
    assert score.divergence(x, LEVEL) == pytest.approx(truth, rel=1e-5)
    np.testing.assert_allclose(score.noise(x, LEVEL), (x - 0.64 * np.sin(x)) / 0.6, rtol=1e-5, atol=1e-6)
