"""Faults people meet in copies, near ties, outliers, units and weights; the right values are computed in double precision."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from jax.sharding import Mesh

from diffmem import data
from diffmem.level import NoiseLevel
from diffmem.reductions import Chunked, Dense, Sharded
from diffmem.scores import Empirical, Gaussian, GaussianMixture, LowRankMixture

DOUBLE = jnp.zeros(()).dtype == jnp.float64
REDUCTIONS = {
    "the default": None,
    "dense": Dense(),
    "chunked": Chunked(30),
    "sharded": Sharded(Mesh(jax.devices()[:1], "points"), size=30),
}
# compiled for each: all but the default one run in the slow suite
every_reduction = pytest.mark.parametrize(
    "reduction",
    [pytest.param(value, marks=[pytest.mark.slow] * (value is not None)) for value in REDUCTIONS.values()],
    ids=REDUCTIONS,
)


def single(*numbers):
    """Numbers as single precision holds them."""
    return [np.asarray(number, np.float32) for number in numbers]


def full_weights(score, x, level):
    """Weights in the order of the points."""
    index, weight = score.weights(x, level, score.n)
    found = np.zeros(score.n)
    found[np.asarray(index)] = weight
    return found


# copies and near ties


@every_reduction
@pytest.mark.parametrize("sigma", [1e-4, 0.0])
def test_between_forty_copies_of_two_points(sigma, reduction):
    """At the midpoint of two points, each forty times: D lies between them, where the exact weights put it."""
    ends = np.random.default_rng(0).standard_normal((2, 40)).astype(np.float32)
    points, x = np.repeat(ends, 40, axis=0), ends.mean(axis=0)
    score, level = Empirical(points, reduction=reduction), NoiseLevel(*single(1, sigma))
    found = score.posterior(x, level)
    squares = np.sum((np.float64(ends) - x) ** 2, axis=1)
    gap = (squares[0] - squares[1]) / 2
    share = 1 / (1 + np.exp(-gap / float(level.sigma) ** 2)) if sigma else float(gap > 0)
    assert gap != 0  # rounding of the midpoint decides
    mean = ends[0] + share * (np.float64(ends[1]) - ends[0])
    assert oracles.off(found.mean, mean) < 1e-5
    assert oracles.off(found.displacement, mean - x) < 1e-5
    assert oracles.total_variation(full_weights(score, x, level), np.repeat([1 - share, share], 40) / 40) < 1e-5
    if sigma:
        assert oracles.off(score.score(x, level), (mean - x) / float(level.sigma) ** 2) < 1e-5


@every_reduction
@pytest.mark.parametrize("sigma", [1e-3, 1e-4, 0.0])
def test_weights_sum_to_one_and_covariances_are_covariances_near_ties(sigma, reduction):
    """Also where the gap of the two energies is hundreds of nats of either sign."""
    points = np.random.default_rng(1).standard_normal((2, 10)).astype(np.float32)
    score, level = Empirical(points, reduction=reduction), NoiseLevel(*single(1, sigma))
    for share in (0.5, 0.49, 0.51):
        x = (share * points[0] + (1 - share) * points[1]).astype(np.float32)
        assert np.sum(full_weights(score, x, level)) == pytest.approx(1, abs=1e-6)
        assert sum(float(score.weight(x, level, i)) for i in range(2)) == pytest.approx(1, abs=1e-6)
        covariance, found = np.float64(score.covariance(x, level)), score.posterior(x, level)
        if sigma:
            truth = oracles.answer(oracles.points_law(points), x, 1.0, level.sigma)
            assert oracles.total_variation(full_weights(score, x, level), truth.weights) < 1e-5
            scale = np.sum((np.float64(points[0]) - points[1]) ** 2)
            np.testing.assert_allclose(covariance, truth.covariance, rtol=0, atol=1e-5 * scale)
            assert found.spread == pytest.approx(np.trace(truth.covariance), rel=1e-5, abs=1e-5 * scale)
            along = truth.covariance @ x / float(level.sigma) ** 2
            step = np.float64(score.jacobian_vector(x, level, x))
            assert np.linalg.norm(step - along) <= 1e-5 * scale * np.linalg.norm(x) / float(level.sigma) ** 2
        assert np.all(np.isfinite(covariance)) and np.trace(covariance) <= float(found.spread) * (1 + 1e-5) + 1e-12
        assert np.linalg.eigvalsh(covariance).min() >= -1e-6 * np.trace(covariance)


@every_reduction
@pytest.mark.parametrize("sigma", [0.1, 0.01, 0.001])
def test_weights_at_the_midpoint_of_two_points(sigma, reduction):
    """64 coordinates: queries are exact numbers, so their weights are decided."""
    points = np.random.default_rng(2).standard_normal((2, 64)).astype(np.float32)
    level = NoiseLevel(*single(1, sigma))
    for x in (points.mean(axis=0), (0.5 * points[0] + np.float32(0.5 + 1e-6) * points[1]).astype(np.float32)):
        truth = oracles.points_answer(points, x, *level)[0]
        assert oracles.total_variation(full_weights(Empirical(points, reduction=reduction), x, level), truth) < 1e-5


@every_reduction
@pytest.mark.parametrize("sigma", [0.1, 0.01, 0.001])
def test_weights_among_eighty_near_duplicates(sigma, reduction):
    """Three coordinates, eighty points within a thousandth of one another, a second group far away, a query between."""
    rng = np.random.default_rng(3)
    near = rng.standard_normal(3) + 1e-3 * rng.standard_normal((80, 3))
    points = np.concatenate([near, rng.standard_normal((20, 3))]).astype(np.float32)
    score, level = Empirical(points, reduction=reduction), NoiseLevel(*single(1, sigma))
    for x in (points[:80].mean(axis=0), points[7], ((points[3] + points[90]) / 2).astype(np.float32)):
        truth, mean, displacement = oracles.points_answer(points, x, *level)
        assert oracles.total_variation(full_weights(score, x, level), truth) < 1e-5
        found = score.posterior(x, level)
        assert oracles.off(found.mean, mean) < 1e-5
        error = np.linalg.norm(np.float64(found.displacement) - displacement)
        # in units of the noise, of which alpha D - x is the posterior mean
        assert error < 1e-5 * (np.linalg.norm(displacement) + sigma * np.sqrt(3))


def test_single_precision_throughout_says_what_rounding_does():
    """Where double precision is not used the bound holds, and is not idle: at much noise it is small."""
    points = np.random.default_rng(2).standard_normal((9, 64)).astype(np.float32)
    score = Empirical(points, reduction=Chunked(energies="single"))
    for sigma in (10.0, 1.0, 0.1, 0.01, 0.001):
        level = NoiseLevel(*single(1, sigma))
        for x in (points[:2].mean(axis=0), (points[0] + np.float32(sigma) / 8).astype(np.float32)):
            truth = oracles.points_answer(points, x, *level)[0]
            found = score.posterior(x, level)
            off = abs(float(found.leader_weight) - truth[int(found.leader)])
            assert off <= max(1e-5, float(found.discarded)), (sigma, off, found.discarded)
        assert found.discarded < 1e-4 or sigma < 5


# far points and units


@every_reduction
def test_one_far_point_changes_nothing_near_the_others(reduction):
    score = Empirical(np.array([[0], [0.01], [1e10]], np.float32), reduction=reduction)
    found = score.posterior(np.zeros(1, np.float32), NoiseLevel(1.0, 0.002))
    assert found.leader == 0 and found.leader_weight == pytest.approx(1 / (1 + np.exp(-12.5)), abs=1e-6)
    assert found.mean[0] == pytest.approx(0.01 * np.exp(-12.5) / (1 + np.exp(-12.5)), rel=1e-4)


@every_reduction
def test_the_density_beside_an_outlier(reduction):
    points, level = np.array([[0], [3e-6], [1e8]], np.float32), NoiseLevel(*single(1, 1e-6))
    score, x = Empirical(points, reduction=reduction), np.array([2e-6], np.float32)
    truth = oracles.answer(oracles.points_law(points), x, *level)
    assert score.log_prob(x, level) == pytest.approx(truth.log_prob, rel=1e-5)
    np.testing.assert_allclose(score.score(x, level), truth.score, rtol=1e-4)


@pytest.mark.slow
@every_reduction
def test_derivatives_of_points_with_a_poor_common_centre(reduction):
    """Sixty points at 1000 +- .01, one of them 0: Jacobian of D and Hessian of log p, against the covariance."""
    points = (1000 + 0.01 * np.random.default_rng(4).standard_normal((60, 3))).astype(np.float32)
    points[17] = 0
    score, level = Empirical(points, reduction=reduction), NoiseLevel(*single(1, 0.01))
    x, v = points[3] + np.float32(0.004), np.array([1, -2, 0.5], np.float32)
    truth = oracles.answer(oracles.points_law(points), x, *level)
    ratio = 1 / float(level.sigma) ** 2
    along = ratio * truth.covariance @ v
    assert oracles.off(score.jacobian_vector(x, level, v), along) < 1e-5
    assert oracles.off(jax.jvp(lambda x: score.denoise(x, level), (x,), (v,))[1], along) < 1e-5
    assert oracles.off(jax.jacrev(lambda x: score.denoise(x, level))(x), ratio * truth.covariance) < 1e-5
    hessian = ratio * (ratio * truth.covariance - np.eye(3))
    assert oracles.off(jax.hessian(score.log_prob)(x, level), hessian) < 1e-5
    assert oracles.off(score.covariance(x, level), truth.covariance) < 1e-5


@pytest.mark.parametrize("units", [1, 1000])
@pytest.mark.parametrize("sigma", [0.002, 0.01])
def test_the_fitted_gaussian_of_digits_in_single_precision(sigma, units):
    """Constant pixels, variances that fall by orders of magnitude, little noise: the score within 1e-4, in any units."""
    points = np.float32(units) * np.asarray(data.digits().points, np.float32)
    flat = points.reshape(len(points), -1).astype(np.float64)
    rng = np.random.default_rng(5)
    x = (flat[11] + units * sigma * rng.standard_normal(flat.shape[1])).astype(np.float32)
    level = NoiseLevel(*single(1, units * sigma))
    law = oracles.Law(np.ones(1), flat.mean(0)[None], np.cov(flat.T, bias=True)[None])
    truth = oracles.answer(law, x, *level)
    found = Gaussian.fit(points).score(x.reshape(points.shape[1:]), level)
    assert oracles.off(found, truth.score) < 1e-4


# weights


WEIGHTS = {
    "tiny": (np.exp([-120.0, -121.0, -119.0]), np.exp([-1.0, -2.0, 0.0]) / np.sum(np.exp([-1.0, -2.0, 0.0]))),
    "huge": (np.array([1e38, 3e38, 3e38], np.float32), np.array([1, 3, 3]) / 7),
    "huge, double": (np.array([1e300, 3e300, 3e300]), np.array([1, 3, 3]) / 7),
}
MEANS = np.array([[0.0, 1], [1, 0], [2, 2]], np.float32)


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize(
    "make",
    [
        *[lambda w, reduction=reduction: Empirical(MEANS, w, reduction) for reduction in REDUCTIONS.values()],
        lambda w: GaussianMixture(w, MEANS, np.ones(3, np.float32)),
        lambda w: LowRankMixture(w, MEANS, np.ones((3, 2, 1), np.float32), np.ones((3, 1), np.float32)),
    ],
    ids=[*REDUCTIONS, "GaussianMixture", "LowRankMixture"],
)
def test_weights_of_any_size_are_normalised(name, make):
    """Without signal the weights of the centres are those given, over their sum."""
    weights, truth = WEIGHTS[name]
    score = make(weights)
    found = score.posterior(np.array([0.3, -0.2], np.float32), NoiseLevel(0.0, 1.0))
    assert found.mean.dtype == np.float32
    np.testing.assert_allclose(found.mean, truth @ MEANS, rtol=1e-5)
    assert found.entropy == pytest.approx(-truth @ np.log(truth), rel=1e-5)
    assert found.leader_weight == pytest.approx(truth.max(), rel=1e-5)


@pytest.mark.parametrize("sigma", [0.0, 0.1, 1.0, 1.3])
@every_reduction
def test_a_light_point_beside_the_query(reduction, sigma):
    """Of weight 1e-60, which single precision cannot hold: the nearest point at little noise, nothing at more."""
    if isinstance(reduction, Sharded):
        pytest.skip("the weights of a sharded set are placed in the precision of its points, as its docstring says")
    points, x = np.array([[0.0], [20.0]], np.float32), np.zeros(1, np.float32)
    score, level = Empirical(points, np.array([1e-60, 1.0]), reduction), NoiseLevel(1.0, sigma)
    found = score.posterior(x, level)
    logs = np.array([np.log(1e-60), -200 / max(sigma, 1e-3) ** 2])
    truth = np.exp(logs - logs.max()) / np.sum(np.exp(logs - logs.max()))
    assert int(found.leader) == truth.argmax() and found.leader_weight == pytest.approx(truth.max(), abs=1e-6)
    assert found.mean[0] == pytest.approx(20 * truth[1], abs=1e-4)
    assert found.entropy == pytest.approx(0, abs=1e-6) and found.participation == pytest.approx(1, abs=1e-6)
    assert oracles.total_variation(full_weights(score, x, level), truth) < 1e-5
    if sigma:
        density = np.logaddexp(*logs) - np.log(sigma * np.sqrt(2 * np.pi))
        assert found.log_prob == pytest.approx(density, rel=1e-6)
    else:
        assert found.log_prob == np.inf


@pytest.mark.parametrize("reduction", [None, Dense(), Chunked(2)], ids=["the default", "dense", "chunked"])
def test_points_that_the_dtype_cannot_hold_are_refused(reduction):
    """Double-precision points while double precision is off; where it is on, D is that of the units."""
    points = 1e300 * np.array([[-1.0], [1.0]])
    if not DOUBLE:
        with pytest.raises(ValueError, match="`points` must be within the range of float32"):
            Empirical(points, reduction=reduction)
        return
    found = Empirical(points, reduction=reduction).denoise(np.array([0.3e300]), NoiseLevel(1.0, 0.5e300))
    assert found[0] / 1e300 == pytest.approx(np.tanh(0.3 / 0.5**2), rel=1e-6)


@pytest.mark.slow
@every_reduction
def test_gradients_in_weights_that_are_zero(reduction):
    """numpyro#2224, numpyro#1870: points 0, 1, 2 of weights 0, 1/2, 1/2, x = .3, sigma = 1; reverse and forward."""
    points = np.array([[0.0], [1], [2]], np.float32)
    x, level = np.array([0.3], np.float32), NoiseLevel(1.0, 1.0)
    weights = jnp.asarray([0, 0.5, 0.5], jnp.float32)
    e = np.exp(-((0.3 - np.arange(3)) ** 2) / 2)
    Z = e[1:].sum() / 2
    D = (e[1] + 2 * e[2]) / 2 / Z
    truth = {"log_prob": e / Z - 1, "denoise": e * (np.arange(3) - D) / Z}
    for name, right in truth.items():

        def value(weights, name=name):
            return jnp.sum(getattr(Empirical(points, weights, reduction), name)(x, level))

        for slope in (jax.grad(value), jax.jacfwd(value), eqx.filter_jit(jax.grad(value))):
            np.testing.assert_allclose(slope(weights), right, rtol=1e-5)


# built inside a compiled function


@pytest.mark.slow
def test_densities_built_inside_a_compiled_function():
    """From arrays that are known there, NumPy's and JAX's: checked, and the same numbers."""
    x, level = np.array([0.3, -0.7], np.float32), NoiseLevel(1.0, 0.5)
    for kind in (np.asarray, jnp.asarray):
        w, m, c = (kind(part) for part in single([0.2, 0.5, 0.3], MEANS, [1, 0.5, 2]))
        factors, variances = (kind(part) for part in single(np.ones((3, 2, 1)), [[1], [0.5], [2]]))
        full = kind(np.array([[1, 0.5], [0.5, 2]], np.float32))
        for make in (
            lambda w=w, m=m, c=c: GaussianMixture(w, m, c),
            lambda m=m, full=full: Gaussian(m[0], full),
            lambda w=w, m=m, f=factors, v=variances: LowRankMixture(w, m, f, v, 0.1),
            lambda w=w, m=m: Empirical(m, w),
            lambda w=w, m=m: Empirical(m, w, Chunked(2)),
            lambda w=w, m=m: Empirical(m, w, Sharded(Mesh(jax.devices()[:1], "points"))),
        ):
            found = jax.jit(lambda x, make=make: make().denoise(x, level))(x)
            np.testing.assert_allclose(found, make().denoise(x, level), rtol=1e-5)
        negative = kind(np.array([0.2, -0.5, 0.3], np.float32))
        with pytest.raises(ValueError, match="`weights` must be at least 0"):
            jax.jit(lambda x, w=negative, m=m: Empirical(m, w).denoise(x, level))(x)
