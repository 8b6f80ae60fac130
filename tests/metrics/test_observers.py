"""Posterior observers against a softmax written in float64 NumPy."""

import pickle

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem.level import NoiseLevel
from diffmem.metrics import concentration, entropy, leader, leader_weight, own_weight, participation
from diffmem.scores import Empirical

LEVEL = NoiseLevel(0.8, 0.6)
# values that float32 holds exactly, so that both precisions see the same problem
POINTS = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32).astype(float)
QUERIES = np.random.default_rng(1).normal(size=(7, 3)).astype(np.float32).astype(float)


def weights(x):
    energy = ((x - LEVEL.alpha * POINTS) ** 2).sum(axis=1) / (2 * LEVEL.sigma**2)
    w = np.exp(energy.min() - energy)
    return w / w.sum()


EXPECTED = {
    entropy: lambda w: -(w * np.log(w)).sum(),
    participation: lambda w: 1 / (w**2).sum(),
    leader: np.argmax,
    leader_weight: np.max,
}


@pytest.mark.parametrize("observer", EXPECTED, ids=lambda f: f.__name__)
def test_observer_reads_the_posterior_weights(observer):
    observe = observer(Empirical(jnp.asarray(POINTS)))
    found = jax.vmap(lambda x: observe(x, LEVEL))(jnp.asarray(QUERIES))
    tolerance = 1e-10 if jax.config.jax_enable_x64 else 1e-5
    np.testing.assert_allclose(found, [EXPECTED[observer](weights(x)) for x in QUERIES], rtol=tolerance)


def test_concentration_is_the_four_together():
    score = Empirical(jnp.asarray(POINTS))
    for x in jnp.asarray(QUERIES):
        together = concentration(score)(x, LEVEL)
        for name, observer in zip(together._fields, (entropy, participation, leader, leader_weight)):
            np.testing.assert_array_equal(getattr(together, name), observer(score)(x, LEVEL), err_msg=name)


def test_own_weight_of_each_index():
    score = Empirical(jnp.asarray(POINTS))
    x = QUERIES[0]
    indices = jnp.arange(len(POINTS))
    found = jax.vmap(lambda i: own_weight(score, i)(jnp.asarray(x), LEVEL))(indices)
    np.testing.assert_allclose(found, weights(x), rtol=1e-10 if jax.config.jax_enable_x64 else 1e-5)


def test_observers_of_equal_shape_share_one_compilation_and_pickle():
    traces = []

    @eqx.filter_jit
    def run(observe, x):
        traces.append(None)
        return observe(x, LEVEL)

    x = jnp.asarray(QUERIES[0])
    score = Empirical(jnp.asarray(POINTS))
    for observe in (own_weight(score, 0), own_weight(score, 3), own_weight(Empirical(2 * score.points), 1)):
        run(observe, x)
    assert len(traces) == 1
    copy = pickle.loads(pickle.dumps(own_weight(score, 3)))
    assert run(copy, x) == run(own_weight(score, 3), x)
