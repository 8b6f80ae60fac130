"""The heaviest centre enters once, whatever the compiler makes of the loop that finds it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from diffmem.level import NoiseLevel
from diffmem.reductions import Chunked, Dense
from diffmem.scores import Empirical

DOUBLE = jnp.zeros(()).dtype == jnp.float64


@eqx.filter_jit
def both(score, xs, level):
    return jax.vmap(lambda x: (score.weights(x, level, score.n), score.posterior(x, level)))(xs)


@pytest.mark.parametrize("dtype", [np.float32, *[pytest.param(np.float64, marks=pytest.mark.slow)] * DOUBLE])
@pytest.mark.parametrize("size", [None, pytest.param(31, marks=pytest.mark.slow)])
def test_statistics_of_a_collapsed_batch(size, dtype):
    """The logits compiled twice, with two roundings, would take a centre twice or miss its copies: 40 point sets."""
    sigma, n = 0.05, 90
    for seed in range(40):
        rng = np.random.default_rng(seed)
        points, weights = rng.normal(size=(n, 65)).astype(dtype), rng.uniform(0.5, 1, size=n).astype(dtype)
        points[60:64] = points[:4]
        xs = (points[:5] + sigma * rng.normal(size=(5, 65))).astype(dtype)
        (index, weight), found = both(Empirical(points, weights, Chunked(size)), xs, NoiseLevel(dtype(1), dtype(sigma)))
        for i, x in enumerate(xs):
            w = oracles.points_answer(points, x, 1.0, dtype(sigma), weights)[0]
            assert found.leader_weight[i] == pytest.approx(w.max(), rel=1e-5)
            assert found.participation[i] == pytest.approx(1 / np.sum(w**2), rel=1e-5)
            assert oracles.total_variation(weight[i], w[index[i]]) < 1e-5


@eqx.filter_jit
def posteriors(score, xs, sigma):
    return jax.vmap(lambda x: score.posterior(x, NoiseLevel(1.0, sigma)))(xs)


@pytest.mark.slow
@pytest.mark.parametrize("queries", [3, 4, 8])
def test_small_batches_of_few_points_find_their_leaders(queries):
    """For some batch sizes the compiler rounds logits and their maximum differently: no leader may get lost by it."""
    rng = np.random.default_rng(queries)
    points = rng.normal(size=(12, 40))
    score, exact = Empirical(points, reduction=Chunked()), Empirical(points, reduction=Dense())
    for sigma in (0.3, 1.0, 3.0, 10.0):
        xs = points[rng.integers(12, size=queries)] + sigma * rng.normal(size=(queries, 40))
        found, truth = posteriors(score, xs, sigma), posteriors(exact, xs, sigma)
        tolerance = 1e-10 if DOUBLE else 1e-4
        np.testing.assert_array_equal(found.leader, truth.leader)
        np.testing.assert_allclose(found.participation, truth.participation, rtol=tolerance)
        np.testing.assert_allclose(found.mean, truth.mean, atol=tolerance)
