"""Faults people meet in softmax, distance and precision; the right values are float64 closed forms of each small case."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem.level import NoiseLevel
from diffmem.processes import OrnsteinUhlenbeck
from diffmem.reductions import Chunked, Dense
from diffmem.scores import Empirical, Gaussian, GaussianMixture

DTYPES = [np.float32, np.float64] if jax.config.jax_enable_x64 else [np.float32]
both = pytest.mark.parametrize("dtype", DTYPES)
VE = lambda sigma: NoiseLevel(1.0, sigma)  # noqa: E731


@both
def test_exponentials_underflow(dtype):
    score, x = Empirical(np.array([[0, 0], [3, 4]], dtype)), np.array([1, 1], dtype)
    found = score.posterior(x, VE(0.05))
    np.testing.assert_allclose(found.mean, [0, 0], atol=1e-12)
    np.testing.assert_allclose(score.score(x, VE(0.05)), [-400, -400], rtol=1e-6)
    assert found.log_prob == pytest.approx(-396.53956, rel=1e-6)


@both
def test_close_points_far_from_the_origin(dtype):
    score = Empirical(np.array([[1024], [1024 + 1 / 64]], dtype))
    x = np.array([1024 + 1 / 256], dtype)
    index, weight = score.weights(x, VE(1 / 64), 2)
    np.testing.assert_allclose(weight, [0.5621765, 0.4378235], rtol=1e-6)
    np.testing.assert_allclose(score.score(x, VE(1 / 64)), [12.020705], rtol=1e-5)
    assert list(np.asarray(index)) == [0, 1]


@pytest.mark.parametrize("count", [1, 32, 64])
@pytest.mark.parametrize("copies", [1, 32])
def test_the_answer_does_not_depend_on_how_many_rows_are_passed(count, copies):
    points = np.tile(np.array([[1024], [1024 + 1 / 64]], np.float32), (copies, 1))
    x = np.full((count, 1), 1024 + 1 / 256, np.float32)
    found = jax.vmap(lambda x: Empirical(points).posterior(x, VE(1 / 64)))(x)
    np.testing.assert_allclose(found.mean, np.full((count, 1), 1024.00684), rtol=1e-7)
    np.testing.assert_allclose(found.displacement, np.full((count, 1), 0.00293474), rtol=1e-5)


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
    np.testing.assert_allclose(line.score(np.array([1e4], dtype), VE(0.1)), [-999900], rtol=1e-6)


@both
def test_the_gradient_at_zero_distance(dtype):
    score, x = Empirical(np.array([[-1], [1]], dtype)), jnp.array([1], dtype)
    level = VE(0.5)
    np.testing.assert_allclose(score.denoise(x, level), [0.99932930], rtol=1e-6)
    slope = jax.jacrev(lambda x: score.denoise(x, level))(x)
    np.testing.assert_allclose(slope, [[0.00536380]], rtol=2e-4 if dtype == np.float32 else 1e-5)


@both
def test_ill_conditioned_components_at_small_noise(dtype):
    mixture = GaussianMixture(
        np.array([0.5, 0.5], dtype), np.array([[-1, 0], [1, 0]], dtype), np.array([[1, 1e-8], [1, 1e-8]], dtype)
    )
    x = np.array([0.3, 0.001], dtype)
    for t, score, log_prob in [
        (0.5, (-0.0799295, -0.0040000), -1.531355),
        (0.01, (-0.00871568, -9.9990002), 2.261630),
        (1e-4, (-0.00868739, -50000.0), -18.474770),
    ]:
        level = NoiseLevel(np.sqrt(1 - t**2), t)
        np.testing.assert_allclose(mixture.score(x, level), score, rtol=2e-4 if dtype == np.float32 else 1e-5)
        assert mixture.log_prob(x, level) == pytest.approx(log_prob, rel=1e-5)


@both
def test_a_log_density_may_be_positive(dtype):
    mean = np.array([-0.4855, 6.7255, 2.6253, 1.1761, 1.5928], dtype)
    x = np.array([-0.6090, 6.8870, 2.6622, 1.2581, 1.6615], dtype)
    assert Gaussian(mean, dtype(0.005)).log_prob(x, VE(0.0)) == pytest.approx(3.2371, abs=1e-4)


def test_the_variance_of_the_clock_at_tiny_times():
    sigma = OrnsteinUhlenbeck().sigma(jnp.float32(1e-8))
    assert float(sigma) ** 2 == pytest.approx(1.99999998e-8, rel=1e-6)


@both
def test_mixtures_far_from_their_modes(dtype):
    mixture = GaussianMixture(
        np.array([0.5, 0.5], dtype), np.array([[-1, 0], [1, 0]], dtype), np.array([1e-4, 1e-4], dtype)
    )
    np.testing.assert_allclose(mixture.score(np.array([3, 3], dtype), VE(0.01)), [-10000, -15000], rtol=1e-5)


def test_chunks_change_nothing():
    points = np.array([[0], [10], [20], [30]], np.float32)
    for size in (1, 2, 3, 4):
        assert abs(float(Empirical(points, reduction=Chunked(size)).denoise(np.float32([1]), VE(1.0))[0])) < 1e-10
