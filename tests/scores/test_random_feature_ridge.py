"""The random-feature denoiser: the ridge solution of its population, its exact symmetries, its ends, what it refuses."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import scores
from diffmem.level import NoiseLevel
from diffmem.scores import random_feature_ridge
from diffmem.scores.random_feature_ridge import RandomFeatureRidge, ridge_solution

DOUBLE = jnp.zeros(()).dtype == jnp.float64
FLOAT = np.float64 if DOUBLE else np.float32
RNG = np.random.default_rng(3)
# multiples of 1/64, so that shifts and powers of two are exact in single precision
POINTS = (np.round(64 * RNG.normal(size=(8, 2, 3))) / 64).astype(FLOAT)
X = (np.round(64 * RNG.normal(size=(2, 3))) / 64).astype(FLOAT)
KEY = jax.random.key(4)


def fitted(points=POINTS, features=30, labels=None, draws=4, ratios=(0.25, 1.0, 4.0), key=KEY):
    return RandomFeatureRidge.fit(points, features, ratios=ratios, draws=draws, labels=labels, key=key)


@eqx.filter_jit
def asked(score, xs, level):
    """D of a batch."""
    return jax.vmap(lambda x: score.denoise(x, level))(xs)


def one(score, x, level):
    return np.asarray(asked(score, x[None], level)[0])


def test_it_is_the_ridge_solution_of_its_features():
    """Three points on a line, moments of the features over the noise by quadrature: a second implementation."""
    y, ridge, ratio = np.array([-1.0, 0.25, 1.5]), 1e-2, 0.7
    found = RandomFeatureRidge.fit(
        y[:, None].astype(FLOAT), 12, ratios=(ratio, 9.0), draws=20_000, ridge=ridge, key=jax.random.key(1)
    )
    w, b = (np.asarray(part, np.float64) for part in found.features[:2])
    mean, sd = y.mean(), y.std()
    spread = np.hypot(ratio, sd)
    phi = lambda x: np.maximum(0, (x - mean)[:, None] / spread * w[:, 0] + b)  # noqa: E731
    z, weight = np.polynomial.hermite_e.hermegauss(200)
    x = (y[:, None] + ratio * z).ravel()
    weight = np.tile(weight / weight.sum() / 3, 3)
    skip, out = sd**2 / spread**2, ratio * sd / spread
    wanted = (np.repeat(y, 200) - mean - skip * (x - mean)) / out
    gram = (phi(x) * weight[:, None]).T @ phi(x)
    readout = np.linalg.solve(gram + ridge * np.trace(gram) / 12 * np.eye(12), phi(x).T @ (weight * wanted))
    at = np.linspace(-3, 3, 13)
    truth = mean + skip * (at - mean) + out * phi(at) @ readout
    level = NoiseLevel(1.0, ratio)
    denoised = asked(found, at[:, None].astype(FLOAT), level)[:, 0]
    # 60,000 noises: half a per cent of the answers' size
    np.testing.assert_allclose(denoised, truth, atol=0.02)
    assert np.abs(truth - mean - skip * (at - mean)).max() > 0.1


@pytest.mark.slow
def test_gaussian_data_give_the_gaussian_denoiser():
    """Many points and few features: D is the linear one, `alpha v x / (alpha^2 v + sigma^2)`, on any process."""
    points = 0.5 * np.random.default_rng(0).normal(size=(4000, 2)).astype(FLOAT)
    score = RandomFeatureRidge.fit(points, 40, draws=4, key=KEY)
    for level in (NoiseLevel(1.0, 0.4), NoiseLevel(0.6, 0.8), NoiseLevel(0.9, 0.1)):
        x = np.random.default_rng(1).normal(size=(50, 2)) * np.sqrt(0.25 * level.alpha**2 + level.sigma**2)
        truth = level.alpha * 0.25 / (level.alpha**2 * 0.25 + level.sigma**2) * x
        denoised = asked(score, x.astype(FLOAT), level)
        assert np.sqrt(np.mean((denoised - truth) ** 2)) < 0.06 * 0.5


@pytest.mark.slow
def test_a_shift_of_the_data_shifts_the_denoiser():
    """Also by 4096 of their units in single precision: D moves along, the score stays."""
    level, offset = NoiseLevel(0.75, 0.5), FLOAT(4096)
    plain, moved = fitted(), fitted(POINTS + offset)
    x = X + FLOAT(0.75) * offset
    np.testing.assert_allclose(moved.score(x, level), plain.score(X, level), rtol=1e-3 if not DOUBLE else 1e-9)
    np.testing.assert_allclose(one(moved, x, level) - offset, one(plain, X, level), atol=1e-3)


def test_a_change_of_units_scales_the_denoiser():
    """By a power of two, exactly."""
    plain, scaled = fitted(), fitted(8 * POINTS, ratios=(2.0, 8.0, 32.0))
    a, b = one(plain, X, NoiseLevel(0.75, 0.5)), one(scaled, 8 * X, NoiseLevel(0.75, 4.0))
    np.testing.assert_allclose(b, 8 * a, rtol=1e-4 if not DOUBLE else 1e-10)


def test_levels_of_one_ratio_are_one_problem():
    """D at (alpha, sigma) of alpha u is D at (1, sigma/alpha) of u."""
    score = fitted()
    a, b = one(score, X / 4, NoiseLevel(0.25, 0.125)), one(score, X, NoiseLevel(1.0, 0.5))
    np.testing.assert_allclose(a, b, rtol=1e-4 if not DOUBLE else 1e-10)


def test_between_the_fitted_levels_the_readout_is_linear_in_the_logarithm():
    score = fitted()
    for node, ratio in enumerate((0.25, 1.0, 4.0)):
        np.testing.assert_allclose(score.readout(NoiseLevel(1.0, ratio)), score.readouts[node], rtol=1e-4, atol=1e-5)
    half = (score.readouts[0] + score.readouts[1]) / 2
    np.testing.assert_allclose(score.readout(NoiseLevel(0.5, 0.25)), half, rtol=1e-4, atol=1e-5)
    for low, high in ((1e-3, 0.25), (4.0, 100.0)):
        ends = [score.readout(NoiseLevel(1.0, ratio)) for ratio in (low, high)]
        np.testing.assert_allclose(*ends, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("labels", [None, np.arange(8) % 3])
def test_ends(labels):
    """Without noise D is x/alpha; without signal it is finite and the score is that of the noise alone."""
    score = fitted(labels=labels)
    score = score if labels is None else score.conditioned(2)
    np.testing.assert_allclose(score.denoise(X, NoiseLevel(0.5, 0.0)), 2 * X, rtol=1e-5, atol=1e-6)
    assert np.all(np.isinf(score.score(X, NoiseLevel(0.5, 0.0))))
    np.testing.assert_allclose(score.score(X, NoiseLevel(0.0, 2.0)), -X / 4, rtol=1e-5)
    pure = score.denoise(X, NoiseLevel(0.0, 2.0))
    np.testing.assert_allclose(score.denoise(X, NoiseLevel(2e-6, 2.0)), pure, rtol=1e-3, atol=1e-4)


def test_pieces_of_the_rows_make_no_difference(monkeypatch):
    whole = fitted(draws=5)
    monkeypatch.setattr(random_feature_ridge, "ROWS", 7)
    found, truth = (one(score, X, NoiseLevel(1.0, 0.5)) for score in (fitted(draws=5), whole))
    assert np.linalg.norm(found - truth) <= (1e-9 if DOUBLE else 1e-3) * np.linalg.norm(truth)


@pytest.mark.slow
def test_a_label_for_each_point_is_remembered():
    """Given its label a point is recovered from much noise, and unlabelled regression cannot."""
    level, noisy = NoiseLevel(1.0, 4.0), POINTS + 4 * RNG.normal(size=POINTS.shape).astype(FLOAT)
    score = fitted(features=200, labels=np.arange(8), draws=64)
    known = jax.jit(jax.vmap(lambda x, label: score.conditioned(label).denoise(x, level)))(noisy, jnp.arange(8))
    blind = asked(fitted(features=200, draws=64), noisy, level)
    assert np.mean((known - POINTS) ** 2) < 0.2 * np.mean((blind - POINTS) ** 2)


def test_ridge_solution():
    """Least squares of the rows with sqrt(ridge tr/p) times the identity below them, by QR; nothing seen, nothing said."""
    rows, wanted = RNG.normal(size=(9, 5)), RNG.normal(size=(9, 2))
    scale = 0.3 * np.trace(rows.T @ rows) / 5
    below = np.concatenate([rows, np.sqrt(scale) * np.eye(5)]), np.concatenate([wanted, np.zeros((5, 2))])
    truth = np.linalg.lstsq(*below, rcond=None)[0]
    np.testing.assert_allclose(ridge_solution(rows.T @ rows, rows.T @ wanted, 0.3), truth, rtol=1e-10)
    assert not np.any(ridge_solution(np.zeros((5, 5)), np.zeros((5, 2)), 0.3))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"points": POINTS[:1]}, "`points` must hold two different points, but all are equal."),
        ({"features": 0}, "`features` must be positive, but is 0."),
        ({"draws": 0}, "`draws` must be positive, but is 0."),
        ({"ratios": [1.0]}, "`ratios` must be at least two different positive numbers, but is"),
        ({"ratios": [0.0, 1.0]}, "`ratios` must be at least two different positive numbers, but is"),
        ({"labels": np.arange(3)}, "`labels` must be 8 integers from 0, one for each point, but is"),
        ({"labels": np.arange(8) - 1}, "`labels` must be 8 integers from 0, one for each point, but is"),
    ],
)
def test_bad_requests_are_refused(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        fitted(**change)


def test_a_label_is_chosen_exactly_where_there_are_labels():
    level = NoiseLevel(1.0, 1.0)
    with pytest.raises(ValueError, match="`label` must be given exactly where labels were fitted"):
        fitted(labels=np.arange(8)).denoise(X, level)
    with pytest.raises(ValueError, match="`label` must be given exactly where labels were fitted"):
        fitted().conditioned(0).denoise(X, level)
    assert scores.RandomFeatureRidge is RandomFeatureRidge
