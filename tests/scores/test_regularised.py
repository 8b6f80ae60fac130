"""Scores that keep a share of another one: Tikhonov's two measures and the floored weights of empirical Bayes."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import scores
from diffmem.level import NoiseLevel
from diffmem.reductions import Dense
from diffmem.scores import Empirical, EmpiricalBayes, Gaussian, Tikhonov

DOUBLE = jnp.zeros(()).dtype == jnp.float64
FLOAT = np.float64 if DOUBLE else np.float32
TOLERANCE = 1e-12 if DOUBLE else 3e-6
PENALTIES = [scores.constant_penalty, scores.inverse_variance_penalty, scores.lebesgue_penalty]
LEVELS = [NoiseLevel(1.0, 0.4), NoiseLevel(0.8, 0.6), NoiseLevel(0.3, 0.95)]
TWO = np.array([[-1.0], [1.0]])
X = np.array([0.35])


def empirical(points):
    """By the reduction that compiles fastest."""
    return Empirical(points, reduction=Dense())


def two_points(x, alpha, sigma):
    """log p, D and p of +-1 on the line, written down: D = tanh(alpha x / sigma^2)."""
    p = np.mean(np.exp(-((x - alpha * TWO[:, 0]) ** 2) / (2 * sigma**2))) / (sigma * np.sqrt(2 * np.pi))
    return p, np.tanh(alpha * x / sigma**2)


def answer(score, x, level):
    return score.score(x, level), score.denoise(x, level)


def test_tikhonov_on_two_points():
    """s/(1 + c), (alpha D - x)/(sigma^2 + c), and grad p / (p + c) by central differences of p."""
    x, c, h = 0.35, 0.07, 1e-5
    regularised = [Tikhonov(empirical(TWO.astype(FLOAT)), c, penalty) for penalty in PENALTIES]
    everything = jax.jit(lambda x, a, s: [answer(score, x, NoiseLevel(a, s)) for score in regularised])
    for alpha, sigma in LEVELS:
        p, denoised = two_points(x, alpha, sigma)
        slope = (two_points(x + h, alpha, sigma)[0] - two_points(x - h, alpha, sigma)[0]) / (2 * h)
        truth = [
            (alpha * denoised - x) / sigma**2 / (1 + c),
            (alpha * denoised - x) / (sigma**2 + c),
            slope / (p + c),
        ]
        found = everything(X.astype(FLOAT), FLOAT(alpha), FLOAT(sigma))
        for penalty, value, (score, denoise) in zip(PENALTIES, truth, found):
            assert score.dtype == FLOAT
            np.testing.assert_allclose(score, [value], rtol=max(TOLERANCE, 1e-8 * (penalty is PENALTIES[2])))
            np.testing.assert_allclose(denoise, [(x + sigma**2 * value) / alpha], rtol=1e-5, atol=1e-6)


def test_the_penalised_risk_is_least():
    """Both risks over a grid, for the score scaled and tilted a little: the optimum beats its neighbours."""
    alpha, sigma, c = 0.8, 0.6, 0.07
    grid = np.linspace(-4, 4, 801)
    p = np.array([two_points(x, alpha, sigma)[0] for x in grid])
    exact = np.array([(alpha * two_points(x, alpha, sigma)[1] - x) / sigma**2 for x in grid])
    for penalty, weight in zip(PENALTIES, (c * p, c / sigma**2 * p, c + 0 * p)):
        score = Tikhonov(empirical(TWO), c, penalty)
        best = np.asarray(jax.vmap(lambda x, s=score: s.score(x, NoiseLevel(alpha, sigma)))(jnp.asarray(grid[:, None])))
        risk = lambda s, w=weight: np.sum(p * (s - exact) ** 2 + w * s**2)  # noqa: E731
        least = risk(best[:, 0])
        for other in (1.02 * best[:, 0], 0.98 * best[:, 0], best[:, 0] + 0.02 * np.cos(grid)):
            assert risk(other) > least


@pytest.mark.parametrize(
    "make", [lambda s: Tikhonov(s, 0.0, p) for p in PENALTIES] + [lambda s: EmpiricalBayes(s, 0.0)]
)
def test_strength_zero_is_the_held_score(make):
    held = empirical(TWO)
    both = jax.jit(lambda x, a, s: [answer(score, x, NoiseLevel(a, s)) for score in (make(held), held)])
    for level in (*LEVELS, NoiseLevel(1.0, 0.0), NoiseLevel(0.0, 1.0)):
        for x in (X, np.array([level.alpha])):
            found, truth = both(x, *level)
            np.testing.assert_allclose(found[0], truth[0], rtol=1e-6)
            np.testing.assert_allclose(found[1], truth[1], rtol=1e-5)


def test_without_noise():
    """Off a point: bounded with the weight c/sigma^2, nothing with Lebesgue's, infinite with the constant one; on it 0."""
    held, c = empirical(TWO.astype(FLOAT)), 0.07
    every = [*(Tikhonov(held, c, penalty) for penalty in PENALTIES), EmpiricalBayes(held, 0.3)]
    at = jax.jit(lambda x, s: [answer(score, x, NoiseLevel(1.0, s)) for score in every])
    x, on, clean = X.astype(FLOAT), TWO[1].astype(FLOAT), FLOAT(0)
    constant, bounded, lebesgue, bayes = at(x, clean)
    np.testing.assert_allclose(bounded[0], (1 - X) / c, rtol=1e-5)
    np.testing.assert_array_equal([lebesgue[0], bayes[0]], 0)
    np.testing.assert_array_equal(constant[0], np.inf)
    np.testing.assert_allclose(constant[1], X + (1 - X) / (1 + c), rtol=1e-5)
    for score, near in zip((bounded, lebesgue, bayes), at(x, FLOAT(1e-4))[1:]):
        np.testing.assert_allclose(score[1], X, rtol=1e-6)
        np.testing.assert_allclose(near[0], score[0], rtol=1e-5, atol=1e-6)
    for score, denoised in at(on, clean):
        np.testing.assert_array_equal(score, 0)
        np.testing.assert_allclose(denoised, on, rtol=1e-6)
    slopes = jax.jit(jax.jacfwd(at, argnums=(0, 1)))(x, clean)
    assert not any(np.any(np.isnan(slope)) for slope in jax.tree.leaves(slopes))


def test_a_law_with_a_density_is_left_its_share_of_a_finite_score():
    smooth, c, clean = Gaussian(np.zeros(1), 2.0), 0.07, NoiseLevel(1.0, 0.0)
    constant, bounded, lebesgue = (Tikhonov(smooth, c, penalty).score(X, clean) for penalty in PENALTIES)
    np.testing.assert_allclose(constant, -X / 2 / (1 + c), rtol=1e-5)
    np.testing.assert_allclose(bounded, 0, atol=1e-5)
    p = np.exp(-(X**2) / 4) / np.sqrt(4 * np.pi)
    np.testing.assert_allclose(lebesgue, -X / 2 * p / (p + c), rtol=1e-5)


@pytest.mark.parametrize("make", [lambda s: Tikhonov(s, 0.5), lambda s: EmpiricalBayes(s, 2.0)])
def test_without_signal_it_is_the_held_score(make):
    """The only score that Tweedie's identity leaves a finite denoiser."""
    noise, held = NoiseLevel(0.0, 1.0), empirical(TWO + 3)
    np.testing.assert_array_equal(make(held).denoise(X, noise), [3])
    np.testing.assert_allclose(make(held).score(X, noise), -X, rtol=1e-6)


def test_empirical_bayes_with_unnormalised_kernels():
    """floor = tau / n: the denominator `sum_n exp(-|x - alpha y_n|^2 / 2 sigma^2)` replaced by its maximum with tau."""
    rng = np.random.default_rng(5)
    points, x = rng.normal(size=(6, 2)), rng.normal(size=2)
    held = empirical(points.astype(FLOAT))
    floored = jax.jit(lambda floor, x, a, s: EmpiricalBayes(held, floor).score(x, NoiseLevel(a, s)))
    for (alpha, sigma), tau in itertools.product(LEVELS, (0.05, 1.0, 6.0)):
        kernels = np.exp(-np.sum((x - alpha * points) ** 2, axis=1) / (2 * sigma**2))
        weights = kernels / max(kernels.sum(), tau)
        truth = np.sum(weights[:, None] * (alpha * points - x), axis=0) / sigma**2
        found = floored(FLOAT(tau / 6), x.astype(FLOAT), FLOAT(alpha), FLOAT(sigma))
        np.testing.assert_allclose(found, truth, rtol=100 * TOLERANCE)


def test_empirical_bayes_fades_at_the_stated_distance():
    """A lone point of weight one and floor f: all is kept up to sigma sqrt(2 log(1/f)), then less."""
    floor, sigma = 0.2, 0.3
    radius = sigma * np.sqrt(2 * np.log(1 / floor))
    score, level = EmpiricalBayes(empirical(np.zeros((1, 1))), floor), NoiseLevel(1.0, sigma)
    share = jax.jit(lambda r: score.kept(r[None], level).share)
    assert share(0.99 * radius) == 1
    assert share(1.5 * radius) == pytest.approx(np.exp(-((1.5 * radius) ** 2 - radius**2) / (2 * sigma**2)), rel=1e-5)


def test_one_compilation_for_all_strengths():
    """Strengths that are arrays are arguments, not constants."""
    traces = []

    @eqx.filter_jit
    def scored(score, x):
        traces.append(0)
        return score.score(x, LEVELS[0])

    held = empirical(TWO)
    values = [scored(Tikhonov(held, jnp.asarray(c)), X) for c in (0.1, 0.2, 0.3)]
    assert len(traces) == 1 and len({float(value[0]) for value in values}) == 3


def test_what_cannot_be_is_refused():
    network = scores.FromFunction(lambda x, level: 0 * x)
    with pytest.raises(ValueError, match="`strength` must be at least 0"):
        Tikhonov(network, -1.0)
    with pytest.raises(ValueError, match="`held` must be a density to be penalised in Lebesgue measure"):
        Tikhonov(network, 1.0, scores.lebesgue_penalty)
    with pytest.raises(ValueError, match="`floor` must be at least 0"):
        EmpiricalBayes(empirical(TWO), -0.1)


def test_derivatives_of_empirical_bayes_of_a_density_without_noise():
    """At sigma = 0 all of a density is cut: D' = x/alpha and s' = 0, with their slopes 1/alpha and 0."""
    mixture = scores.GaussianMixture(np.ones(2, FLOAT), TWO.astype(FLOAT), np.array([0.2, 0.5], FLOAT))
    score, x, level = EmpiricalBayes(mixture, 1e-3), jnp.asarray(X, FLOAT), NoiseLevel(0.8, 0.0)
    np.testing.assert_allclose(score.denoise(x, level), X / 0.8, rtol=1e-6)
    for slope in (jax.jacrev, jax.jacfwd):
        np.testing.assert_allclose(slope(score.denoise)(x, level), [[1 / 0.8]], rtol=1e-6)
        np.testing.assert_array_equal(slope(score.score)(x, level), [[0.0]])


def test_empirical_bayes_of_a_mixture_of_points_is_that_of_the_points():
    """Without noise it keeps the score on the points and cuts it off them."""
    points, weights = np.array([[-1.0], [1.0], [1.0], [3.0]], FLOAT), np.array([0.5, 0.1, 0.2, 0.2], FLOAT)
    mixture = scores.GaussianMixture(weights, points, np.zeros(4, FLOAT))
    law, clean = Empirical(points, weights, Dense()), NoiseLevel(1.0, 0.0)
    for x in (np.array([-1.0], FLOAT), np.array([1.0], FLOAT), np.array([1.2], FLOAT)):
        for beta in (1.0, 0.5):
            found = mixture.log_partition(x, clean, beta)
            np.testing.assert_allclose(found, law.log_partition(x, clean, beta), rtol=1e-6)
        for floor in (0.1, 0.4):
            found, truth = (
                answer(EmpiricalBayes(mixture, floor), x, clean),
                answer(EmpiricalBayes(law, floor), x, clean),
            )
            np.testing.assert_allclose(found, truth, rtol=1e-6)


@pytest.mark.parametrize("sigma", [1e-15, 1.0, 1e10, 1e20, 1e30])
def test_share_of_tikhonov_in_single_precision(sigma):
    """sigma^2/(sigma^2 + c) and 1/(sigma^2 + c) for c = sigma^2 and c = 1."""
    for strength in (min(sigma, 1e19) ** 2, 1.0):
        level, c = NoiseLevel(np.float32(1.0), np.float32(sigma)), np.float64(np.float32(strength))
        kept = scores.inverse_variance_penalty(empirical(TWO), np.zeros(1, np.float32), level, jnp.float32(strength))
        square = np.float64(np.float32(sigma)) ** 2
        np.testing.assert_allclose(float(kept.share), square / (square + c), rtol=1e-5, atol=1e-36)
        np.testing.assert_allclose(float(kept.rate), 1 / (square + c), rtol=1e-5, atol=1e-36)
