"""sigma = 0, alpha = 0, one point, repeated points, a query on a point: defined values, never NaN."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from examples import FULL, MANY, MEANS, POINTS, SHARES, WEIGHTS

from diffmem.level import NoiseLevel
from diffmem.reductions import Chunked, Dense
from diffmem.scores import Empirical, Gaussian, GaussianMixture, LowRankMixture

pytestmark = pytest.mark.slow

DOUBLE = jnp.zeros(()).dtype == jnp.float64
DTYPES = [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)][: 1 + DOUBLE]
CLEAN, NOISE = NoiseLevel(1.0, 0.0), NoiseLevel(0.0, 1.0)
REDUCTIONS = {"dense": Dense(), "chunked": Chunked(3), "products": Chunked(9)}
# single precision is the harder one; double precision and the largest points run in the slow suite
KINDS = [("dense", np.float32), ("chunked", np.float32), pytest.param("products", np.float32, marks=pytest.mark.slow)]
KINDS += [pytest.param(name, np.float64, marks=pytest.mark.slow) for name in REDUCTIONS][: len(REDUCTIONS) * DOUBLE]


def points_of(name, dtype):
    return (MANY.reshape(23, 40) if name == "products" else POINTS.reshape(7, 6)).astype(dtype)


def finite_except(found, infinite):
    for field, value in found._asdict().items():
        assert not np.any(np.isnan(value)), field
        assert np.all(np.isfinite(value)) or field == infinite, field


@pytest.mark.parametrize(("name", "dtype"), KINDS)
def test_without_noise_the_denoiser_is_the_nearest_point(name, dtype):
    points = points_of(name, dtype)
    score = Empirical(points, reduction=REDUCTIONS[name])

    @jax.jit
    def everything(x):
        return (
            score.posterior(x, CLEAN),
            score.score(x, CLEAN),
            score.noise(x, CLEAN),
            jax.grad(score.log_prob)(x, CLEAN),
            (score.covariance(x, CLEAN), score.jacobian_vector(x, CLEAN, x)),
        )

    x = points[4] + np.linspace(-0.2, 0.2, points.shape[1]).astype(dtype)
    nearest = int(np.argmin(np.sum((points - x) ** 2, axis=1)))
    off, score_there, _, gradient, flat = everything(x)
    np.testing.assert_allclose(off.mean, points[nearest], rtol=1e-6)
    assert (off.leader, off.leader_weight, off.entropy, off.participation) == (nearest, 1, 0, 1)
    assert off.log_prob == -np.inf
    np.testing.assert_allclose(off.displacement, points[nearest] - x, rtol=1e-5, atol=1e-6)
    finite_except(off, "log_prob")
    assert np.all(np.isinf(score_there) | (np.asarray(off.displacement) == 0)) and not np.any(np.isnan(score_there))
    on, score_here, noise, other, _ = everything(points[4])
    np.testing.assert_allclose(on.mean, points[4], rtol=1e-6)
    np.testing.assert_array_equal(on.displacement, 0)
    assert on.log_prob == np.inf and on.leader == 4
    finite_except(on, "log_prob")
    for part in (*flat, score_here, noise):
        np.testing.assert_array_equal(part, 0)
    assert not np.any(np.isnan(gradient)) and not np.any(np.isnan(other))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", [Dense(), Chunked(2)], ids=["dense", "chunked"])
def test_ties_are_shared_by_weight(reduction, dtype):
    """Half-way between points of weight 3 and 1, and a point that is there twice."""
    points = np.array([[-1.0, 0], [1, 0], [9, 9], [1, 0]], dtype)
    score = Empirical(points, np.array([3, 0.5, 7, 0.5], dtype), reduction)
    found = score.posterior(np.zeros(2, dtype), CLEAN)
    np.testing.assert_allclose(found.mean, [-0.5, 0], rtol=1e-6)
    assert found.leader_weight == pytest.approx(0.75, rel=1e-6)
    assert found.participation == pytest.approx(1 / (0.75**2 + 2 * 0.125**2), rel=1e-6)
    index, weight = score.weights(np.zeros(2, dtype), CLEAN, 3)
    np.testing.assert_allclose(weight, [0.75, 0.125, 0.125], rtol=1e-6)
    assert index.tolist() == [0, 1, 3]
    # a point of no weight is nobody's neighbour
    lone = Empirical(points, np.array([0, 1, 1, 0], dtype), reduction)
    np.testing.assert_array_equal(lone.denoise(np.array([-1.0, 0], dtype), CLEAN), [1, 0])


@pytest.mark.parametrize(("name", "dtype"), KINDS)
def test_without_signal_the_denoiser_is_the_mean(name, dtype):
    points = points_of(name, dtype)
    weights = np.linspace(0, 1, len(points)).astype(dtype)
    score = Empirical(points, weights, REDUCTIONS[name])
    x = points[0] * 2
    found = score.posterior(x, NOISE)
    mean = np.average(np.float64(points), axis=0, weights=weights)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(score.score(x, NOISE), -x, rtol=1e-6)
    np.testing.assert_allclose(score.divergence(x, NOISE), -x.size, rtol=1e-6)
    np.testing.assert_array_equal(score.jacobian_vector(x, NOISE, x), 0)
    assert found.log_prob == pytest.approx(-np.sum(np.float64(x) ** 2) / 2 - x.size / 2 * np.log(2 * np.pi), rel=1e-6)
    share = weights[weights > 0] / weights.sum()
    assert found.entropy == pytest.approx(-share @ np.log(share), rel=1e-5)
    spread = points - mean
    covariance = spread.T @ (weights[:, None] / weights.sum() * spread)
    np.testing.assert_allclose(score.covariance(x, NOISE), covariance, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_limits_are_approached(dtype):
    """D tends to the nearest point and to the mean."""
    points = POINTS.astype(dtype)
    score = Empirical(points, WEIGHTS.astype(dtype))
    x = points[1] + dtype(0.05)
    for sigma in (1e-2, 1e-4, 1e-8, 1e-16):
        np.testing.assert_allclose(score.denoise(x, NoiseLevel(1.0, sigma)), points[1], rtol=1e-6)
        assert np.all(np.isfinite(score.score(x, NoiseLevel(1.0, sigma))))
    mean = np.average(POINTS, axis=0, weights=WEIGHTS)
    for alpha in (1e-6, 1e-12, 1e-30):
        np.testing.assert_allclose(score.denoise(x, NoiseLevel(alpha, 1.0)), mean, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("sigma", [0.0, 1e-6, 0.3, 1e4])
@pytest.mark.parametrize("dtype", DTYPES)
def test_one_point(dtype, sigma):
    """D is the point, whatever the query; every statistic is that of certainty."""
    point = np.array([[0.3, -2.0, 1e3]], dtype)
    score, x = Empirical(point), np.array([5.0, 1.0, -1.0], dtype)
    level = NoiseLevel(0.7, sigma)
    found = score.posterior(x, level)
    np.testing.assert_array_equal(found.mean, point[0])
    assert (found.entropy, found.participation, found.leader, found.leader_weight) == (0, 1, 0, 1)
    np.testing.assert_array_equal(score.covariance(x, level), 0)
    if sigma > 0:
        np.testing.assert_allclose(
            score.score(x, level), (0.7 * np.float64(point[0]) - x) / np.float64(dtype(sigma)) ** 2, rtol=1e-5
        )
        assert score.divergence(x, level) == pytest.approx(-3 / sigma**2, rel=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", REDUCTIONS.values(), ids=REDUCTIONS)
def test_all_points_the_same(reduction, dtype):
    point = np.linspace(-1, 1, 40).astype(dtype)
    score = Empirical(np.tile(point, (20, 1)), reduction=reduction)
    for sigma in (0.0, 1e-5, 1.0, 100.0):
        for x in (point, point + dtype(0.5)):
            found = score.posterior(x, NoiseLevel(1.0, sigma))
            np.testing.assert_allclose(found.mean, point, rtol=1e-6, atol=1e-7)
            assert found.participation == pytest.approx(20, rel=1e-5)
            assert found.entropy == pytest.approx(np.log(20), rel=1e-5)
            assert not np.any(np.isnan(score.score(x, NoiseLevel(1.0, sigma))))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_query_on_a_point_far_from_the_others(dtype):
    """One-hot weights and a score of exactly 0; the gradient of nothing goes through a root."""
    points = 100 * POINTS.reshape(7, 6).astype(dtype)
    score, level = Empirical(points), NoiseLevel(1.0, 0.5)
    np.testing.assert_array_equal(score.score(points[3], level), 0)
    np.testing.assert_array_equal(jax.jacrev(score.denoise)(points[3], level), 0)
    assert score.weights(points[3], level, 1)[1] == 1


def test_full_rank_laws_are_finite_without_noise():
    """Their density, score, divergence and Jacobian at sigma = 0 are those of the data law itself."""
    dtype = np.float64 if DOUBLE else np.float32
    x = np.linspace(-0.5, 0.7, 6).reshape(2, 3).astype(dtype)
    law = oracles.Law(SHARES, MEANS.reshape(3, 6), FULL)
    precision = np.linalg.inv(FULL)
    q = np.einsum("kij,kj->ki", precision, x.ravel() - law.means)
    logs = np.log(SHARES) - (np.sum((x.ravel() - law.means) * q, 1) + np.linalg.slogdet(FULL)[1]) / 2
    w = np.exp(logs - logs.max())
    w /= w.sum()
    score = GaussianMixture(SHARES.astype(dtype), MEANS.astype(dtype), FULL.astype(dtype))
    tolerance = 1e-9 if DOUBLE else 1e-3
    assert oracles.off(score.score(x, CLEAN), -(w @ q)) < tolerance
    assert oracles.off(score.denoise(x, CLEAN), x) < tolerance
    spread = q - w @ q
    divergence = w @ (np.sum(spread**2, 1) - np.trace(precision, axis1=1, axis2=2))
    assert score.divergence(x, CLEAN) == pytest.approx(divergence, rel=tolerance)
    assert oracles.off(score.jacobian_vector(x, CLEAN, x), x) < tolerance
    np.testing.assert_array_equal(score.covariance(x, CLEAN), 0)
    normal = Gaussian(np.zeros(2, dtype), dtype(0.25))
    assert normal.log_prob(np.zeros(2, dtype), CLEAN) == pytest.approx(-np.log(2 * np.pi * 0.25), rel=1e-6)


@pytest.mark.parametrize("sigma", [0.05, 0.002, 1e-4])
def test_low_rank_denoiser_in_single_precision(sigma):
    """D on subspaces without a floor: within 1e-5 however small the noise, which only the score feels."""
    rng = np.random.default_rng(0)
    factors, means = rng.normal(size=(3, 6, 2)).astype(np.float32), rng.normal(size=(3, 6)).astype(np.float32)
    variances, shares = np.ones((3, 2), np.float32), np.full(3, 1 / 3, np.float32)
    score = LowRankMixture(shares, means, factors, variances)
    within = np.einsum("kir,kjr->kij", factors.astype(np.float64), factors.astype(np.float64))
    data = means[0] + factors[0] @ np.array([0.7, -1.1], np.float32)
    x = (data + sigma * rng.normal(size=6)).astype(np.float32)
    truth = oracles.answer(oracles.Law(shares, np.float64(means), within), x, 1.0, np.float32(sigma))
    assert oracles.off(score.denoise(x, NoiseLevel(1.0, np.float32(sigma))), truth.mean) < 1e-5


@pytest.mark.parametrize("reduction", [Dense(), Chunked(64)], ids=["dense", "chunked"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_without_noise_every_query_of_a_batch_has_its_nearest_point(reduction, dtype):
    """Many queries, some of them on a point up to rounding: however often an energy is computed, one point is nearest."""
    rng = np.random.default_rng(0)
    points, weights = rng.normal(size=(300, 1)).astype(dtype), rng.uniform(0.01, 1, 300)
    alpha = dtype(0.1)
    x = np.concatenate([0.1 * rng.normal(size=(1000, 1)), alpha * points]).astype(dtype)
    score = Empirical(points, weights, reduction)
    found = jax.jit(jax.vmap(lambda x: score.posterior(x, NoiseLevel(alpha, dtype(0)))))(x)
    distances = np.abs(x.astype(np.longdouble) - np.longdouble(alpha) * points.astype(np.longdouble).T)
    taken = np.abs(x - alpha * np.asarray(found.mean))[:, 0]
    assert np.all(taken <= distances.min(axis=1) + 8 * np.finfo(dtype).eps * np.abs(x[:, 0]))
    finite_except(found, "log_prob")
    assert np.all(found.leader_weight > 0.5 - 1e-6)
