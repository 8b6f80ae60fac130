"""Faults people meet in softmax, distance and precision; the right values are float64 closed forms of each small case."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from diffmem.level import NoiseLevel
from diffmem.processes import OrnsteinUhlenbeck
from diffmem.reductions import Chunked, Dense
from diffmem.scores import Empirical, Gaussian, GaussianMixture

# single precision is where such faults show; double precision runs in the slow suite
DTYPES = [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)][: 1 + jax.config.jax_enable_x64]
both = pytest.mark.parametrize("dtype", DTYPES)
# of the farther of two points 1/64 apart, at sigma = 1/64 and a query 1/256 from the nearer: energies 1/32 and 9/32
FARTHER = 1 / (1 + np.exp(0.25))
VE = lambda sigma: NoiseLevel(1.0, sigma)  # noqa: E731


@both
def test_exponentials_underflow(dtype):
    score, x = Empirical(np.array([[0, 0], [3, 4]], dtype)), np.array([1, 1], dtype)
    found = score.posterior(x, VE(0.05))
    np.testing.assert_allclose(found.mean, [0, 0], atol=1e-12)
    np.testing.assert_allclose(score.score(x, VE(0.05)), [-400, -400], rtol=1e-6)
    # the squared distances are 2 and 13
    log_prob = -2 / (2 * 0.05**2) - np.log(2) - np.log(2 * np.pi * 0.05**2)
    assert found.log_prob == pytest.approx(log_prob, rel=1e-6)


@both
def test_close_points_far_from_the_origin(dtype):
    score = Empirical(np.array([[1024], [1024 + 1 / 64]], dtype))
    x = np.array([1024 + 1 / 256], dtype)
    index, weight = score.weights(x, VE(1 / 64), 2)
    np.testing.assert_allclose(weight, [1 - FARTHER, FARTHER], rtol=1e-6)
    np.testing.assert_allclose(score.score(x, VE(1 / 64)), [64 * FARTHER - 16], rtol=1e-5)
    assert list(np.asarray(index)) == [0, 1]


@pytest.mark.parametrize("count", [1, 32, 64])
@pytest.mark.parametrize("copies", [1, 32])
def test_the_answer_does_not_depend_on_how_many_rows_are_passed(count, copies):
    points = np.tile(np.array([[1024], [1024 + 1 / 64]], np.float32), (copies, 1))
    x = np.full((count, 1), 1024 + 1 / 256, np.float32)
    found = jax.vmap(lambda x: Empirical(points).posterior(x, VE(1 / 64)))(x)
    np.testing.assert_allclose(found.mean, np.full((count, 1), 1024 + FARTHER / 64), rtol=1e-7)
    np.testing.assert_allclose(found.displacement, np.full((count, 1), FARTHER / 64 - 1 / 256), rtol=1e-5)


@both
@pytest.mark.parametrize("reduction", [Dense(), Chunked(), Chunked(8)])
def test_without_noise_one_point_is_far(dtype, reduction):
    """A point at 1e9 does not make neighbours of 1e-4 look equally near, whatever they weigh."""
    points = np.concatenate([np.linspace(-1, 1, 20_001, dtype=dtype)[::1000], [-1 + 1e-4, 1e9]]).astype(dtype)[:, None]
    score = Empirical(points, np.where(points[:, 0] == points[-2, 0], 5.0, 1.0), reduction)
    found = score.posterior(dtype(0.01) * points[0], NoiseLevel(dtype(0.01), 0.0))
    assert found.leader == 0 and found.leader_weight == 1 and found.entropy == 0


@both
@pytest.mark.parametrize("alpha, sigma, x", [(1e-13, 1.0, 0.0), (1e-9, 1.0, 1.0), (1.0, 1e9, 1e9)])
@pytest.mark.parametrize("unit", [1.0, 1e-30])
def test_hardly_any_signal(dtype, alpha, sigma, x, unit):
    """The posterior is the prior, also where alpha/x is out of the range of single precision."""
    points = np.random.default_rng(0).normal(size=(300, 3)).astype(dtype) * dtype(unit)
    found = Empirical(points).posterior(np.full(3, x, dtype), NoiseLevel(alpha, sigma))
    tolerance = 1e-5 if dtype == np.float32 else 1e-8
    assert found.log_prob == pytest.approx(-1.5 * np.log(2 * np.pi * sigma**2) - 1.5 * (x / sigma) ** 2, rel=tolerance)
    np.testing.assert_allclose(found.mean, points.mean(axis=0), atol=tolerance * unit)
    if unit == 1:
        assert found.spread == pytest.approx(points.var(axis=0).sum(), rel=tolerance)


@both
@pytest.mark.parametrize("sigma", [1e3, 1e4, 1e6])
def test_one_query_at_low_noise_takes_nothing_from_the_others(dtype, sigma):
    """Energies in double precision for the whole batch: where all points share, the spread is still that of the set."""
    points = np.random.default_rng(0).normal(size=(300, 64)).astype(dtype)
    spread = jax.vmap(lambda s: Empirical(points).posterior(np.zeros(64, dtype), VE(s)).spread)
    assert spread(np.array([0.5, sigma], dtype))[1] == pytest.approx(points.var(axis=0).sum(), rel=1e-4)


@both
@pytest.mark.parametrize("d", [1, 4, 5, 64, 784])
@pytest.mark.parametrize("ratio", [3.0, 12.0, 30.0, 90.0, 300.0])
def test_weights_shared_by_a_cluster_far_from_the_centre(dtype, d, ratio):
    """Many near points share the weight, at a distance of `ratio` sigma from the others; against long double."""
    rng, n = np.random.default_rng(d), 120
    near = ratio / np.sqrt(d) + 2 / np.sqrt(d) * rng.normal(size=(3 * n // 4, d))
    points = np.concatenate([ratio / np.sqrt(d) * rng.normal(size=(n // 4, d)), near]).astype(dtype)
    x = (near[:16] + rng.normal(size=(16, d))).astype(dtype)
    found = jax.vmap(lambda x: Empirical(points).posterior(x, VE(1.0)))(x)
    energies = np.sum((x[:, None].astype(np.longdouble) - points[None]) ** 2, axis=2) / 2
    weights = np.exp(energies.min(axis=1, keepdims=True) - energies)
    weights /= weights.sum(axis=1, keepdims=True)
    tolerance = 3e-6 if dtype == np.float32 else 3e-12
    np.testing.assert_allclose(found.leader_weight, weights.max(axis=1), atol=tolerance)
    np.testing.assert_allclose(found.participation, 1 / np.sum(weights**2, axis=1), rtol=10 * tolerance)
    np.testing.assert_allclose(found.mean, weights @ points, atol=(4 + ratio / 10) * tolerance)


@both
@pytest.mark.parametrize("sigma", [0.05, 0.2, 0.5])
def test_the_spread_of_near_copies_far_from_the_centre(dtype, sigma):
    """To a few roundings of `d sigma^2`, which the squares of the points are far above; against long double."""
    rng = np.random.default_rng(0)
    points = 5 * rng.normal(size=(900, 64))
    points = np.concatenate([points, points[:40] + 1e-3 * rng.normal(size=(40, 64))]).astype(dtype)
    x = (points[-40:] + sigma * rng.normal(size=(40, 64))).astype(dtype)
    found = jax.vmap(lambda x: Empirical(points).posterior(x, VE(sigma)).spread)(x)
    wide = points.astype(np.longdouble)
    energies = np.sum((x[:, None] - wide) ** 2, axis=2) / (2 * np.longdouble(dtype(sigma)) ** 2)
    weights = np.exp(energies.min(axis=1, keepdims=True) - energies)
    weights /= weights.sum(axis=1, keepdims=True)
    exact = [w @ np.sum((wide - w @ wide) ** 2, axis=1) for w in weights]
    roundings = (
        8 if dtype == np.float32 else 64 if sigma < 0.5 else 1024
    )  # a product of double precision has fewer digits
    tolerance = roundings * float(np.finfo(dtype).eps) / 2 * 64 * sigma**2
    np.testing.assert_allclose(found, np.array(exact, np.float64), rtol=0, atol=tolerance)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("sigma", [0.0, 0.15])
def test_a_query_that_is_not_finite_leaves_the_others_alone(bad, sigma):
    """Not even digits: far points, and near ones that share the weight at low noise."""
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(size=(200, 64)), 1 + 0.02 * rng.normal(size=(200, 64))]).astype(np.float32)
    x = np.concatenate([points[-7:] + 0.01, np.full((1, 64), bad)]).astype(np.float32)
    found = jax.vmap(lambda x: Empirical(points).posterior(x, VE(sigma)))(x)
    right = jax.vmap(lambda x: Empirical(points).posterior(x, VE(sigma)))(x[:7])
    for one, other in zip(found, right):
        np.testing.assert_allclose(one[:7], other, rtol=1e-6, atol=1e-6)
    assert not np.isfinite(found.mean[7]).any()
    literal = jax.vmap(lambda x: Empirical(points, reduction=Dense()).posterior(x, VE(sigma)).leader)(x)
    assert all(0 <= leader[7] < len(points) for leader in (found.leader, literal))


@both
@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("sigma", [0.0, 0.1, 10.0])
def test_chunks_without_weight(dtype, size, sigma):
    """Whole chunks of points of weight 0 are as if they were not there."""
    points, x = np.array([[0, 1], [2, 0], [-1, 3], [4, 4]], dtype), np.array([0.3, 0.9], dtype)
    found = Empirical(points, np.array([0, 0, 1, 2]), Chunked(size)).posterior(x, VE(sigma))
    right = Empirical(points[2:], np.array([1, 2]), Dense()).posterior(x, VE(sigma))
    for name in ("log_prob", "mean", "entropy", "participation", "leader_weight", "spread"):
        one, other = getattr(found, name), getattr(right, name)
        np.testing.assert_allclose(one, other, rtol=1e-5 if dtype == np.float32 else 1e-12, err_msg=name)


@both
@pytest.mark.parametrize("reduction", [Dense(), Chunked(), Chunked(4)])
@pytest.mark.parametrize("unit", [2.0**-120, 2.0**-60, 2.0**-40, 2.0**60])
def test_signal_noise_and_query_in_one_unit(dtype, reduction, unit):
    """The energies of (u x, u alpha, u sigma) are those of (x, alpha, sigma), also for hardly any signal."""
    rng = np.random.default_rng(0)
    points, x = rng.normal(size=(9, 3)).astype(dtype), rng.normal(size=3).astype(dtype)
    score = Empirical(points, reduction=reduction)
    found, right = (score.posterior(dtype(u) * x, NoiseLevel(dtype(u), dtype(0.5 * u))) for u in (unit, 1.0))
    tolerance = 1e-12 if dtype == np.float64 else 2e-6
    np.testing.assert_allclose(found.mean, right.mean, rtol=tolerance)
    np.testing.assert_allclose(found.entropy, right.entropy, rtol=tolerance)
    np.testing.assert_allclose(found.leader_weight, right.leader_weight, rtol=tolerance)


@both
@pytest.mark.parametrize("reduction", [Dense(), Chunked()])
def test_a_query_on_a_point_has_distance_zero(dtype, reduction):
    points = 50 * np.random.default_rng(0).normal(size=(9, 40)).astype(dtype)
    score = Empirical(points, reduction=reduction)
    found = score.posterior(points[4], VE(1.0))
    assert found.leader == 4 and found.leader_weight == 1 and found.participation == 1
    np.testing.assert_array_equal(score.score(points[4], VE(1.0)), 0)


@both
def test_equal_huge_logits_keep_their_normaliser(dtype):
    score = Empirical(np.array([[-1, 0], [1, 0]], dtype))
    weight = score.weights(np.array([0, 1e4], dtype), VE(0.1), 2)[1]
    np.testing.assert_allclose(weight, [0.5, 0.5], rtol=1e-6)
    line = Empirical(np.array([[-1], [1]], dtype))
    np.testing.assert_allclose(line.denoise(np.array([1e4], dtype), VE(0.1)), [1])
    np.testing.assert_allclose(line.score(np.array([1e4], dtype), VE(0.1)), [(1 - 1e4) / 0.1**2], rtol=1e-6)


@both
def test_the_gradient_at_zero_distance(dtype):
    score, x = Empirical(np.array([[-1], [1]], dtype)), jnp.array([1], dtype)
    level = VE(0.5)
    np.testing.assert_allclose(score.denoise(x, level), [np.tanh(4)], rtol=1e-6)
    slope = jax.jacrev(lambda x: score.denoise(x, level))(x)
    np.testing.assert_allclose(slope, [[4 * (1 - np.tanh(4) ** 2)]], rtol=2e-4 if dtype == np.float32 else 1e-5)


@both
def test_ill_conditioned_components_at_small_noise(dtype):
    weights, means, variances = np.array([0.5, 0.5]), np.array([[-1.0, 0], [1, 0]]), np.array([[1, 1e-8], [1, 1e-8]])
    mixture = GaussianMixture(*(part.astype(dtype) for part in (weights, means, variances)))
    law, x = oracles.Law(weights, means, variances[:, None] * np.eye(2)), np.array([0.3, 0.001], dtype)
    for t in (0.5, 0.01, 1e-4):
        level = NoiseLevel(np.sqrt(1 - t**2), t)
        truth = oracles.answer(law, [0.3, 0.001], *level)
        np.testing.assert_allclose(mixture.score(x, level), truth.score, rtol=2e-4 if dtype == np.float32 else 1e-5)
        assert mixture.log_prob(x, level) == pytest.approx(truth.log_prob, rel=1e-5)


@both
def test_a_log_density_may_be_positive(dtype):
    mean = np.array([-0.4855, 6.7255, 2.6253, 1.1761, 1.5928], dtype)
    x = np.array([-0.6090, 6.8870, 2.6622, 1.2581, 1.6615], dtype)
    log_prob = -np.sum((np.float64(x) - mean) ** 2) / (2 * 0.005) - 5 / 2 * np.log(2 * np.pi * 0.005)
    assert log_prob > 3
    assert Gaussian(mean, dtype(0.005)).log_prob(x, VE(0.0)) == pytest.approx(log_prob, abs=1e-4)


def test_the_variance_of_the_clock_at_tiny_times():
    sigma = OrnsteinUhlenbeck().sigma(jnp.float32(1e-8))
    assert float(sigma) ** 2 == pytest.approx(-np.expm1(-2e-8), rel=1e-6)


@both
def test_mixtures_far_from_their_modes(dtype):
    mixture = GaussianMixture(
        np.array([0.5, 0.5], dtype), np.array([[-1, 0], [1, 0]], dtype), np.array([1e-4, 1e-4], dtype)
    )
    np.testing.assert_allclose(mixture.score(np.array([3, 3], dtype), VE(0.01)), np.array([-2, -3]) / 2e-4, rtol=1e-5)


@pytest.mark.slow
def test_chunks_change_nothing():
    points = np.array([[0], [10], [20], [30]], np.float32)
    for size in (1, 2, 3, 4):
        assert abs(float(Empirical(points, reduction=Chunked(size)).denoise(np.float32([1]), VE(1.0))[0])) < 1e-10
