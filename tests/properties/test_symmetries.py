"""Invariances that hold whatever the data: rotation, translation, order, repetition, reflection; and dI/dsnr = mmse/2."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from examples import FULL, SHARES

from diffmem.level import NoiseLevel
from diffmem.scores import Empirical, Gaussian, GaussianMixture

DOUBLE = jnp.zeros(()).dtype == jnp.float64
FLOAT = np.float64 if DOUBLE else np.float32
TOLERANCE = 1e-11 if DOUBLE else 1e-4
RNG = np.random.default_rng(3)
D = 6
ROTATION = np.linalg.qr(RNG.normal(size=(D, D)))[0]
SHIFT = RNG.normal(size=D)
POINTS = RNG.normal(size=(12, D))
LEVEL = NoiseLevel(0.7, 0.6)
X = RNG.normal(size=D)


def empirical(rotation, shift):
    return Empirical((POINTS @ rotation.T + shift).astype(FLOAT))


def mixture(rotation, shift):
    covariances = np.einsum("ij,kjl,ml->kim", rotation, FULL, rotation)
    covariances = (covariances + covariances.swapaxes(1, 2)) / 2
    return GaussianMixture(
        SHARES.astype(FLOAT), (POINTS[:3] @ rotation.T + shift).astype(FLOAT), covariances.astype(FLOAT)
    )


def gaussian(rotation, shift):
    covariance = rotation @ FULL[0] @ rotation.T
    covariance = (covariance + covariance.T) / 2
    return Gaussian((rotation @ POINTS[0] + shift).astype(FLOAT), covariance.astype(FLOAT))


@pytest.mark.parametrize("family", [empirical, mixture, gaussian])
def test_rotation_and_translation(family):
    """`D(R x + alpha c) = R D(x) + c` and `s(R x + alpha c) = R s(x)` for data R y + c."""
    before, after = family(np.eye(D), 0 * SHIFT), family(ROTATION, SHIFT)
    moved = (ROTATION @ X + LEVEL.alpha * SHIFT).astype(FLOAT)
    assert oracles.off(after.denoise(moved, LEVEL), ROTATION @ before.denoise(X, LEVEL) + SHIFT) < TOLERANCE
    assert oracles.off(after.score(moved, LEVEL), ROTATION @ before.score(X, LEVEL)) < TOLERANCE
    assert after.log_prob(moved, LEVEL) == pytest.approx(float(before.log_prob(X, LEVEL)), rel=TOLERANCE)
    covariance = ROTATION @ before.covariance(X, LEVEL) @ ROTATION.T
    assert oracles.off(after.covariance(moved, LEVEL), covariance) < 10 * TOLERANCE


def test_scale():
    """`D_{c y}(c x; alpha, c sigma) = c D_y(x; alpha, sigma)`."""
    big, small = Empirical((8 * POINTS).astype(FLOAT)), empirical(np.eye(D), 0)
    wide = NoiseLevel(LEVEL.alpha, 8 * LEVEL.sigma)
    assert oracles.off(big.denoise(8 * X, wide), 8 * np.asarray(small.denoise(X, LEVEL))) < TOLERANCE


def test_only_the_ratio_matters():
    """D at (x, alpha, sigma) is D at (x/alpha, 1, sigma/alpha)."""
    score = empirical(np.eye(D), 0)
    plain = NoiseLevel(1.0, LEVEL.sigma / LEVEL.alpha)
    assert oracles.off(score.denoise(X, LEVEL), score.denoise(X / LEVEL.alpha, plain)) < TOLERANCE
    assert oracles.off(score.score(X, LEVEL), score.score(X / LEVEL.alpha, plain) / LEVEL.alpha) < TOLERANCE


def test_coordinates_and_points_may_be_reordered():
    score, columns, rows = empirical(np.eye(D), 0), RNG.permutation(D), RNG.permutation(12)
    other = Empirical(POINTS[rows][:, columns].astype(FLOAT))
    assert oracles.off(other.denoise(X[columns], LEVEL), score.denoise(X, LEVEL)[columns]) < TOLERANCE
    assert rows[int(other.posterior(X[columns], LEVEL).leader)] == int(score.posterior(X, LEVEL).leader)
    index, weight = other.weights(X[columns], LEVEL, 12)
    truth = score.weights(X, LEVEL, 12)
    np.testing.assert_array_equal(rows[np.asarray(index)], truth[0])
    np.testing.assert_allclose(weight, truth[1], rtol=1e-10 if DOUBLE else 1e-3)


@pytest.mark.slow
def test_repetition_is_weight():
    """Weighted points, repeated points, and the repeated points merged are one law."""
    counts = np.array([1, 4, 2, 0, 1, 1, 3, 1, 1, 2, 5, 1])
    weighted = Empirical(POINTS.astype(FLOAT), counts.astype(FLOAT))
    repeated = Empirical(np.repeat(POINTS, counts, axis=0).astype(FLOAT))
    merged = repeated.merged()
    assert merged.n == 11
    for other in (repeated, merged):
        for sigma in (0.1, 0.6, 5.0):
            level = NoiseLevel(0.7, sigma)
            assert oracles.off(other.denoise(X, level), weighted.denoise(X, level)) < TOLERANCE
            assert oracles.off(other.score(X, level), weighted.score(X, level)) < TOLERANCE
            assert other.log_prob(X, level) == pytest.approx(float(weighted.log_prob(X, level)), rel=TOLERANCE)
            assert oracles.off(other.covariance(X, level), weighted.covariance(X, level)) < 100 * TOLERANCE


def test_two_symmetric_points_give_an_odd_map():
    """D(-x) = -D(x), with the closed form m tanh(alpha <m, x> / sigma^2)."""
    m = RNG.normal(size=D)
    score = Empirical(np.stack([m, -m]).astype(FLOAT))
    for sigma in (0.3, 1.0, 4.0):
        level = NoiseLevel(0.8, sigma)
        truth = m * np.tanh(0.8 * m @ X / sigma**2)
        assert oracles.off(score.denoise(X, level), truth) < TOLERANCE
        np.testing.assert_allclose(score.denoise(-X, level), -score.denoise(X, level), rtol=TOLERANCE, atol=TOLERANCE)
        assert score.log_prob(-X, level) == pytest.approx(float(score.log_prob(X, level)), rel=TOLERANCE)
        np.testing.assert_array_equal(score.denoise(0 * X, level), 0)


def test_a_mixture_without_width_is_its_points():
    shares = np.array([0.2, 0.5, 0.3])
    flat = GaussianMixture(shares.astype(FLOAT), POINTS[:3].astype(FLOAT), np.zeros(3, FLOAT))
    score = Empirical(POINTS[:3].astype(FLOAT), shares.astype(FLOAT))
    for sigma in (0.05, 0.6, 20.0):
        level = NoiseLevel(0.7, sigma)
        assert oracles.off(flat.denoise(X, level), score.denoise(X, level)) < 10 * TOLERANCE
        assert flat.log_prob(X, level) == pytest.approx(float(score.log_prob(X, level)), rel=TOLERANCE)
        assert flat.log_partition(X, level, 0.5) == pytest.approx(float(score.log_partition(X, level, 0.5)), rel=1e-5)


def test_tempered_partition():
    """Against the sum itself, and its slope in beta is minus the mean energy."""
    weights = RNG.uniform(0.1, 1, size=12)
    score = Empirical(POINTS.astype(FLOAT), weights.astype(FLOAT))
    energies = np.sum((X - 0.7 * POINTS) ** 2, axis=1) / (2 * 0.6**2) - np.log(weights / weights.sum())
    for beta in (0.25, 1.0, 3.0):
        truth = np.log(np.sum(np.exp(-beta * energies)))
        assert score.log_partition(X, LEVEL, beta) == pytest.approx(truth, rel=TOLERANCE)
    boltzmann = np.exp(-energies) / np.sum(np.exp(-energies))
    slope = jax.grad(lambda beta: score.log_partition(X, LEVEL, beta))(FLOAT(1.0))
    assert slope == pytest.approx(-boltzmann @ energies, rel=10 * TOLERANCE)
    with pytest.raises(ValueError, match="`beta` must be positive and finite, but is 0"):
        score.log_partition(X, LEVEL, 0.0)


@pytest.mark.skipif(not DOUBLE, reason="quadrature in double precision")
def test_information_grows_by_half_the_error():
    """dI/dsnr = mmse/2 on three points of the line, by quadrature; I saturates at the entropy of the weights."""
    points, weights = np.array([[-1.0], [0.4], [2.0]]), np.array([0.5, 0.2, 0.3])
    score = Empirical(points, weights)
    z, w = np.polynomial.hermite_e.hermegauss(160)
    w = w / w.sum()

    @jax.jit
    def information_and_error(snr):
        level = NoiseLevel(1.0, snr**-0.5)
        xs = points + level.sigma * z[None]
        log_prob = jax.vmap(jax.vmap(lambda x: score.log_prob(x[None], level)))(xs)
        error = jax.vmap(jax.vmap(lambda x: score.covariance(x[None], level)[0, 0]))(xs)
        own = -(z**2) / 2 - jnp.log(level.sigma * np.sqrt(2 * np.pi))
        return weights @ ((own[None] - log_prob) @ w), weights @ (error @ w)

    for snr in (0.1, 1.0, 4.0):
        h = 1e-4 * snr
        slope = (information_and_error(snr + h)[0] - information_and_error(snr - h)[0]) / (2 * h)
        assert slope == pytest.approx(float(information_and_error(snr)[1]) / 2, rel=1e-6)
    assert information_and_error(1e4)[0] == pytest.approx(-weights @ np.log(weights), rel=1e-9)
