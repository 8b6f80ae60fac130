"""Scores that keep a share of another one: Tikhonov's two measures and the floored weights of empirical Bayes."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import scores
from diffmem.level import NoiseLevel
from diffmem.scores import Empirical, EmpiricalBayes, Gaussian, Tikhonov

DOUBLE = jnp.zeros(()).dtype == jnp.float64
DTYPES = [np.float32, pytest.param(np.float64, marks=pytest.mark.skipif(not DOUBLE, reason="double precision is off"))]
PENALTIES = [scores.constant_penalty, scores.inverse_variance_penalty, scores.lebesgue_penalty]
LEVELS = [NoiseLevel(1.0, 0.4), NoiseLevel(0.8, 0.6), NoiseLevel(0.3, 0.95)]
TWO = np.array([[-1.0], [1.0]])
X = np.array([0.35])


def two_points(x, alpha, sigma):
    """log p, D and p of +-1 on the line, written down: D = tanh(alpha x / sigma^2)."""
    p = np.mean(np.exp(-((x - alpha * TWO[:, 0]) ** 2) / (2 * sigma**2))) / (sigma * np.sqrt(2 * np.pi))
    return p, np.tanh(alpha * x / sigma**2)


def tolerance(dtype):
    return 1e-12 if dtype == np.float64 else 3e-6


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("level", LEVELS)
def test_tikhonov_on_two_points(level, dtype):
    """s/(1 + c), (alpha D - x)/(sigma^2 + c), and grad p / (p + c) by central differences of p."""
    (alpha, sigma), x, c, h = level, 0.35, 0.07, 1e-5
    p, denoised = two_points(x, alpha, sigma)
    slope = (two_points(x + h, alpha, sigma)[0] - two_points(x - h, alpha, sigma)[0]) / (2 * h)
    truth = [
        (alpha * denoised - x) / sigma**2 / (1 + c),
        (alpha * denoised - x) / (sigma**2 + c),
        slope / (p + c),
    ]
    for penalty, value in zip(PENALTIES, truth):
        score = Tikhonov(Empirical(TWO.astype(dtype)), c, penalty)
        found = jax.jit(lambda x, score=score: score.score(x, level))(X.astype(dtype))
        assert found.dtype == dtype
        np.testing.assert_allclose(found, [value], rtol=max(tolerance(dtype), 1e-8 * (penalty is PENALTIES[2])))
        np.testing.assert_allclose(
            score.denoise(X.astype(dtype), level), [(x + sigma**2 * value) / alpha], rtol=1e-5, atol=1e-6
        )


def test_the_penalised_risk_is_least():
    """Both risks over a grid, for the score scaled and tilted a little: the optimum beats its neighbours."""
    alpha, sigma, c = 0.8, 0.6, 0.07
    grid = np.linspace(-4, 4, 801)
    p = np.array([two_points(x, alpha, sigma)[0] for x in grid])
    exact = np.array([(alpha * two_points(x, alpha, sigma)[1] - x) / sigma**2 for x in grid])
    for penalty, weight in zip(PENALTIES, (c * p, c / sigma**2 * p, c + 0 * p)):
        score = Tikhonov(Empirical(TWO), c, penalty)
        best = np.asarray(jax.vmap(lambda x, s=score: s.score(x, NoiseLevel(alpha, sigma)))(jnp.asarray(grid[:, None])))
        risk = lambda s, w=weight: np.sum(p * (s - exact) ** 2 + w * s**2)  # noqa: E731
        least = risk(best[:, 0])
        for other in (1.02 * best[:, 0], 0.98 * best[:, 0], best[:, 0] + 0.02 * np.cos(grid)):
            assert risk(other) > least


@pytest.mark.parametrize(
    "make", [lambda s: Tikhonov(s, 0.0, p) for p in PENALTIES] + [lambda s: EmpiricalBayes(s, 0.0)]
)
def test_strength_zero_is_the_held_score(make):
    held = Empirical(TWO)
    score = make(held)
    for level in (*LEVELS, NoiseLevel(1.0, 0.0), NoiseLevel(0.0, 1.0)):
        for x in (X, np.array([level.alpha])):
            np.testing.assert_allclose(score.score(x, level), held.score(x, level), rtol=1e-6)
            np.testing.assert_allclose(score.denoise(x, level), held.denoise(x, level), rtol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_tikhonov_without_noise(dtype):
    """Off a point: bounded with the weight c/sigma^2, nothing with Lebesgue's, infinite with the constant one; on it 0."""
    held, clean, c = Empirical(TWO.astype(dtype)), NoiseLevel(1.0, 0.0), 0.07
    x, on = X.astype(dtype), TWO[1].astype(dtype)
    constant, bounded, lebesgue = (Tikhonov(held, c, penalty) for penalty in PENALTIES)
    np.testing.assert_allclose(bounded.score(x, clean), (1 - X) / c, rtol=1e-5)
    np.testing.assert_array_equal(lebesgue.score(x, clean), 0)
    np.testing.assert_array_equal(constant.score(x, clean), np.inf)
    np.testing.assert_allclose(constant.denoise(x, clean), X + (1 - X) / (1 + c), rtol=1e-5)
    for score in (bounded, lebesgue):
        np.testing.assert_allclose(score.denoise(x, clean), X, rtol=1e-6)
        near = NoiseLevel(1.0, 1e-4)
        np.testing.assert_allclose(score.score(x, near), score.score(x, clean), rtol=1e-5, atol=1e-6)
    for score in (constant, bounded, lebesgue, EmpiricalBayes(held, 0.3)):
        np.testing.assert_array_equal(score.score(on, clean), 0)
        np.testing.assert_allclose(score.denoise(on, clean), on, rtol=1e-6)
        for slope in jax.jacrev(lambda x, s, score=score: score.score(x, NoiseLevel(1.0, s)), argnums=(0, 1))(
            jnp.asarray(x), jnp.asarray(0, dtype)
        ):
            assert not np.any(np.isnan(slope))
    # a law with a density is left its finite score
    smooth = Gaussian(np.zeros(1, dtype), np.asarray(2.0, dtype))
    np.testing.assert_allclose(Tikhonov(smooth, c, PENALTIES[0]).score(x, clean), -X / 2 / (1 + c), rtol=1e-5)
    p = np.exp(-(X**2) / 4) / np.sqrt(4 * np.pi)
    np.testing.assert_allclose(Tikhonov(smooth, c, PENALTIES[2]).score(x, clean), -X / 2 * p / (p + c), rtol=1e-5)
    np.testing.assert_allclose(Tikhonov(smooth, c).score(x, clean), 0, atol=1e-5)


@pytest.mark.parametrize("make", [lambda s: Tikhonov(s, 0.5), lambda s: EmpiricalBayes(s, 2.0)])
def test_without_signal_it_is_the_held_score(make):
    """The only score that Tweedie's identity leaves a finite denoiser."""
    noise, held = NoiseLevel(0.0, 1.0), Empirical(TWO + 3)
    np.testing.assert_array_equal(make(held).denoise(X, noise), [3])
    np.testing.assert_allclose(make(held).score(X, noise), -X, rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("tau", [0.05, 1.0, 6.0])
def test_empirical_bayes_with_unnormalised_kernels(level, tau, dtype):
    """floor = tau / n: the denominator `sum_n exp(-|x - alpha y_n|^2 / 2 sigma^2)` replaced by its maximum with tau."""
    (alpha, sigma), rng = level, np.random.default_rng(5)
    points, x = rng.normal(size=(6, 2)), rng.normal(size=2)
    kernels = np.exp(-np.sum((x - alpha * points) ** 2, axis=1) / (2 * sigma**2))
    weights = kernels / max(kernels.sum(), tau)
    truth = np.sum(weights[:, None] * (alpha * points - x), axis=0) / sigma**2
    score = EmpiricalBayes(Empirical(points.astype(dtype)), tau / 6)
    np.testing.assert_allclose(score.score(x.astype(dtype), level), truth, rtol=100 * tolerance(dtype))


def test_empirical_bayes_fades_at_the_stated_distance():
    """A lone point of weight one and floor f: all is kept up to sigma sqrt(2 log(1/f)), then less."""
    floor, sigma = 0.2, 0.3
    radius = sigma * np.sqrt(2 * np.log(1 / floor))
    score, level = EmpiricalBayes(Empirical(np.zeros((1, 1))), floor), NoiseLevel(1.0, sigma)
    share = lambda r: float(score.kept(np.array([r]), level).share)  # noqa: E731
    assert share(0.99 * radius) == 1
    assert share(1.5 * radius) == pytest.approx(np.exp(-((1.5 * radius) ** 2 - radius**2) / (2 * sigma**2)), rel=1e-5)


def test_one_compilation_for_all_strengths():
    """Strengths that are arrays are arguments, not constants."""
    traces = []

    @eqx.filter_jit
    def scored(score, x):
        traces.append(0)
        return score.score(x, LEVELS[0])

    held = Empirical(TWO)
    values = [scored(Tikhonov(held, jnp.asarray(c)), X) for c in (0.1, 0.2, 0.3)]
    assert len(traces) == 1 and len({float(value[0]) for value in values}) == 3


def test_what_cannot_be_is_refused():
    network = scores.FromFunction(lambda x, level: 0 * x)
    with pytest.raises(ValueError, match="`strength` must be at least 0"):
        Tikhonov(network, -1.0)
    with pytest.raises(ValueError, match="`held` must be a density to be penalised in Lebesgue measure"):
        Tikhonov(network, 1.0, scores.lebesgue_penalty)
    with pytest.raises(ValueError, match="`floor` must be at least 0"):
        EmpiricalBayes(Empirical(TWO), -0.1)
