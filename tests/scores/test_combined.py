"""Guidance by two scores, and switching from one to the other at a level."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from diffmem.level import NoiseLevel
from diffmem.reductions import Dense
from diffmem.scores import Ambient, Empirical, FromHost, Gaussian, GuidanceInterval, Guided, Switched
from diffmem.scores.combined import branches_of

DOUBLE = jnp.zeros(()).dtype == jnp.float64
FLOAT = np.float64 if DOUBLE else np.float32
LEVEL = NoiseLevel(0.8, 0.6)
RNG = np.random.default_rng(12)
POINTS, X = RNG.normal(size=(6, 2)), RNG.normal(size=2)


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


def empirical(points):
    """By the reduction that compiles fastest."""
    return Empirical(points, reduction=Dense())


def close(found, truth):
    np.testing.assert_allclose(found, truth, rtol=1e-10 if DOUBLE else 1e-4, atol=1e-6)


def constant(value):
    return empirical(np.full((1, 2), value, FLOAT))


@pytest.mark.slow
def test_switched_takes_each_on_its_side():
    score = Switched(constant(5.0), constant(-5.0), 0.5)
    compiled = jax.jit(lambda a, s: score.denoise(X, NoiseLevel(a, s)))
    for level, value in (
        (NoiseLevel(0.8, 0.4), 5),
        (NoiseLevel(0.8, 0.39), -5),
        (NoiseLevel(0.0, 1.0), 5),
        (NoiseLevel(1.0, 0.0), -5),
    ):
        np.testing.assert_array_equal(score.denoise(X, level), value)
        np.testing.assert_array_equal(compiled(*map(FLOAT, level)), value)
    levels = NoiseLevel(np.ones(3, FLOAT), np.array([0.1, 0.5, 0.9], FLOAT))
    batched = jax.vmap(lambda level: score.denoise(X, level))(levels)
    np.testing.assert_array_equal(batched[:, 0], [-5, 5, 5])
    with pytest.raises(ValueError, match="`ratio` must be at least 0"):
        Switched(constant(1.0), constant(1.0), -0.1)


def test_only_one_side_is_computed():
    """A batch of points at one traced level asks the host of one of the two only."""
    asked = []
    above, below = (
        FromHost(lambda x, alpha, sigma, name=name: asked.append(name) or 0 * x) for name in ("above", "below")
    )
    score = Switched(above, below, 0.5)
    many = jax.jit(lambda x, s: jax.vmap(lambda x: score.denoise(x, NoiseLevel(FLOAT(1), s)))(x))
    for sigma, name in ((0.9, "above"), (0.1, "below")):
        asked.clear()
        jax.block_until_ready(many(POINTS.astype(FLOAT), FLOAT(sigma)))
        assert set(asked) == {name}


@pytest.mark.slow
def test_a_side_never_sees_the_levels_of_the_other():
    """The ambient score, an error below its noise, beside the empirical one: levels of both sides in one batch."""
    score = Switched(Ambient(POINTS.astype(FLOAT), 0.4, reduction=Dense()), empirical(POINTS.astype(FLOAT)), 0.5)
    sigmas = np.array([0.1, 0.6], FLOAT)
    found = jax.jit(jax.vmap(lambda s: score.score(X, NoiseLevel(FLOAT(1), s))))(sigmas)
    close(found[0], score.below.score(X, NoiseLevel(1.0, 0.1)))
    close(found[1], score.above.score(X, NoiseLevel(1.0, 0.6)))
    slope = jax.jit(jax.grad(lambda s: jnp.sum(score.score(X, NoiseLevel(FLOAT(1), s)))))(FLOAT(0.1))
    assert np.isfinite(slope) and slope != 0


def test_guidance_in_an_interval_of_levels():
    weight = GuidanceInterval(7.5, 0.5, 2.0, outside=0.0)
    found = [float(weight(NoiseLevel(FLOAT(1), FLOAT(s)))) for s in (0.4, 0.5, 1.0, 2.0, 2.1)]
    assert found == [0, 7.5, 7.5, 7.5, 0]
    assert float(weight(NoiseLevel(FLOAT(0), FLOAT(1)))) == 0
    assert float(GuidanceInterval(3.0)(NoiseLevel(FLOAT(0), FLOAT(1)))) == 3
    x = X.astype(FLOAT)
    guided = Guided(constant(5.0), constant(-5.0), weight)
    np.testing.assert_array_equal(guided.denoise(x, LEVEL), 7.5 * 10 - 5)
    np.testing.assert_array_equal(guided.denoise(x, NoiseLevel(0.1, 1.0)), -5)
    with pytest.raises(ValueError, match="`high` must be at least `low`"):
        GuidanceInterval(1.0, 2.0, 1.0)


@pytest.mark.slow
def test_the_gap_of_the_branches_is_a_distance_with_a_derivative():
    """`|eps_c - eps_u|` of two Gaussians of unit variance, alpha |mu_c - mu_u| everywhere where alpha^2 + sigma^2 = 1."""
    means = np.array([[1.0, 2.0], [0.0, 0.0]], FLOAT)
    gap = lambda mean: (  # noqa: E731
        Guided(Gaussian(mean, FLOAT(1.0)), Gaussian(means[1], FLOAT(1.0)), 7.5)
        .evaluate(X.astype(FLOAT), LEVEL)
        .info.gap
    )
    close(gap(means[0]), 0.8 * 0.6 * np.sqrt(5))
    close(jax.grad(gap)(jnp.asarray(means[0])), 0.8 * 0.6 * means[0] / np.sqrt(5))
    # branches that agree: no gap, and a derivative of 0 rather than none
    close(gap(means[1]), 0)
    close(jax.grad(gap)(jnp.asarray(means[1])), np.zeros(2))


def test_a_score_without_branches_says_so():
    with pytest.raises(ValueError, match="both branches"):
        branches_of(empirical(POINTS).evaluate(X, LEVEL))


def test_divergence_of_guidance_without_noise():
    """Of a point (-inf) and of N(0, 1) (-1): the share of each, and weight 0 and 1 are one of them alone."""
    point, wide = Gaussian(np.zeros(1, FLOAT), FLOAT(0.0)), Gaussian(np.zeros(1, FLOAT), FLOAT(1.0))
    x, clean = np.zeros(1, FLOAT), NoiseLevel(1.0, 0.0)
    for weight, with_point, with_wide in (
        (0.0, -1.0, -np.inf),
        (0.5, -np.inf, -np.inf),
        (1.0, -np.inf, -1.0),
        (2.0, -np.inf, np.inf),
        (-1.0, np.inf, -np.inf),
    ):
        np.testing.assert_array_equal(Guided(point, wide, weight).divergence(x, clean), with_point)
        np.testing.assert_array_equal(Guided(wide, point, weight).divergence(x, clean), with_wide)
        np.testing.assert_array_equal(Guided(point, point, weight).divergence(x, clean), -np.inf)
        np.testing.assert_allclose(Guided(wide, wide, weight).divergence(x, clean), -1)


def test_pure_noise_is_above_every_ratio():
    score = Switched(constant(5.0), constant(-5.0), np.inf)
    level = NoiseLevel(np.array([0.0, 0.0, 0.5], FLOAT), np.array([1.0, 0.0, 5.0], FLOAT))
    for alpha, sigma, value in zip(*level, (5.0, 5.0, -5.0)):
        close(score.denoise(X, NoiseLevel(alpha, sigma)), np.full(2, value))
    together = jax.vmap(lambda a, s: score.denoise(X, NoiseLevel(a, s)))(*level)
    close(together, np.array([5.0, 5.0, -5.0])[:, None] * np.ones((1, 2)))
