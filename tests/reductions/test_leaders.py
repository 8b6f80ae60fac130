"""The heaviest centre enters once, whatever the compiler makes of the loop that finds it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from diffmem.level import NoiseLevel
from diffmem.reductions import Chunked
from diffmem.scores import Empirical

DOUBLE = jnp.zeros(()).dtype == jnp.float64


@eqx.filter_jit
def both(score, xs, level):
    return jax.vmap(lambda x: (score.weights(x, level, score.n), score.posterior(x, level)))(xs)


@pytest.mark.parametrize(
    "dtype", [np.float32, pytest.param(np.float64, marks=pytest.mark.skipif(not DOUBLE, reason=""))]
)
@pytest.mark.parametrize("size", [None, 31])
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
