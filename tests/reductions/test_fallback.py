"""Queries whose weights more centres share than the buffer of leaders holds, alone and among others in a batch."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from diffmem.level import NoiseLevel
from diffmem.reductions import Chunked, chunked
from diffmem.scores import Empirical

D = 600
SIGMA = np.float32(0.5)


@pytest.fixture(scope="module")
def crowd():
    """200 near-copies around one point, 300 nats above rounding, and 60 separate points."""
    rng = np.random.default_rng(0)
    apart = 20 * rng.normal(size=(60, D))
    near = apart[:1] + 0.1 * SIGMA * rng.normal(size=(200, D)) / np.sqrt(D)
    return np.concatenate([apart, near]).astype(np.float32)


@pytest.fixture(scope="module")
def queries(crowd):
    """Two that need the exact pass, two that do not."""
    rng = np.random.default_rng(1)
    return (crowd[[0, 5, 100, 7]] + SIGMA * rng.normal(size=(4, D))).astype(np.float32)


@jax.jit
def doubtful(centres, x):
    level = jnp.ones(4, jnp.float32), jnp.full(4, SIGMA)
    scan = chunked.product_pass(centres, x, *level, 64)
    return jax.vmap(chunked.refine, (None, 0, 0, 0, 0))(centres, x, *level, scan)[1]


def test_some_queries_of_the_batch_are_doubtful_and_some_are_not(crowd, queries):
    assert doubtful(Empirical(crowd).centres, queries).tolist() == [True, False, True, False]


@pytest.mark.parametrize("batched", [False, True])
def test_every_query_gets_the_right_answer(crowd, queries, batched):
    """Levels shared and batched, plain and under a second vmap."""
    score = Empirical(crowd, reduction=Chunked(64))
    sigmas = jnp.asarray([0.5, 0.5, 0.6, 0.4] if batched else [0.5] * 4, jnp.float32)
    if batched:
        found = jax.jit(jax.vmap(lambda x, s: score.posterior(x, NoiseLevel(1.0, s))))(queries, sigmas)
    else:
        twice = jax.vmap(jax.vmap(lambda x: score.posterior(x, NoiseLevel(1.0, SIGMA))))
        found = jax.tree.map(lambda leaf: leaf.reshape(4, *leaf.shape[2:]), jax.jit(twice)(queries.reshape(2, 2, D)))
    for i, x in enumerate(queries):
        w, mean, displacement = oracles.points_answer(crowd, x, 1.0, sigmas[i])
        assert oracles.off(found.displacement[i], displacement) < 1e-5
        assert oracles.off(found.mean[i], mean) < 1e-6
        assert found.participation[i] == pytest.approx(1 / np.sum(w**2), rel=1e-4)
        assert found.leader_weight[i] == pytest.approx(w.max(), rel=1e-4)
