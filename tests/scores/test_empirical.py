"""Who is being copied: the heaviest centres, and the weight of one centre."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from diffmem.level import NoiseLevel
from diffmem.reductions import Chunked, Dense
from diffmem.scores import (
    Empirical,
)

DOUBLE = jnp.zeros(()).dtype == jnp.float64
FLOAT = np.float64 if DOUBLE else np.float32
LEVEL = NoiseLevel(0.8, 0.6)


@pytest.mark.parametrize("reduction", [Dense(), Chunked(3)], ids=["dense", "chunked"])
def test_heaviest_centres_are_distinct_also_without_weight(reduction):
    """All n asked for, some without weight: each index once."""
    points = np.random.default_rng(2).normal(size=(8, 3)).astype(FLOAT)
    weights = np.array([1, 0, 2, 0, 1, 1, 0, 1], FLOAT)
    index, weight = Empirical(points, weights, reduction).weights(points[5], LEVEL, 8)
    truth = oracles.points_answer(points, points[5], *LEVEL, weights)[0]
    assert sorted(index.tolist()) == list(range(8))
    np.testing.assert_allclose(weight, truth[np.asarray(index)], rtol=1e-4, atol=1e-12)
    assert np.all(np.diff(np.asarray(weight)) <= 0)


@pytest.mark.parametrize("d", [3, 40])
def test_the_weight_of_one_centre(d):
    points = np.random.default_rng(3).normal(size=(20, d)).astype(FLOAT)
    score = Empirical(points)
    truth = oracles.points_answer(points, points[5], 1.0, 1.5)[0]
    found = jax.vmap(lambda i: score.weight(points[5], NoiseLevel(1.0, 1.5), i))(jnp.arange(20))
    np.testing.assert_allclose(found, truth, rtol=1e-9 if DOUBLE else 1e-3)
