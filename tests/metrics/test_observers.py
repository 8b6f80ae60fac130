"""Posterior observers against a softmax written in float64 NumPy."""

import pickle

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem.level import NoiseLevel
from diffmem.metrics import concentration, entropy, leader, leader_weight, own_weight, participation
from diffmem.scores import Empirical, FromFunction

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
    """Of the sampled score, whose evaluation is handed in, and of a score of its own beside another one's evaluation."""
    score, other = Empirical(jnp.asarray(POINTS)), Empirical(jnp.asarray(POINTS[::-1] + 1))
    tolerance = 1e-10 if jax.config.jax_enable_x64 else 1e-5
    for observe, sampled in ((observer(), score), (observer(score), other)):
        seen = jax.vmap(lambda x, observe=observe, sampled=sampled: observe(x, LEVEL, sampled.evaluate(x, LEVEL)))
        expected = [EXPECTED[observer](weights(x)) for x in QUERIES]
        np.testing.assert_allclose(seen(jnp.asarray(QUERIES)), expected, rtol=tolerance)


def test_weights_of_a_score_without_weights_are_refused():
    score = FromFunction(lambda x, level: 0 * x)
    with pytest.raises(
        ValueError, match="`score` must be given to an observer of weights where the sampled score is not"
    ):
        participation()(jnp.zeros(3), LEVEL, score.evaluate(jnp.zeros(3), LEVEL))


def test_concentration_is_the_four_together():
    score = Empirical(jnp.asarray(POINTS))
    for x in jnp.asarray(QUERIES):
        found = score.evaluate(x, LEVEL)
        together = concentration()(x, LEVEL, found)
        for name, observer in zip(together._fields, (entropy, participation, leader, leader_weight)):
            np.testing.assert_array_equal(getattr(together, name), observer()(x, LEVEL, found), err_msg=name)


def test_own_weight_of_each_index():
    score = Empirical(jnp.asarray(POINTS))
    x = jnp.asarray(QUERIES[0])
    found = score.evaluate(x, LEVEL)
    seen = jax.vmap(lambda i: own_weight(score, i)(x, LEVEL, found))(jnp.arange(len(POINTS)))
    np.testing.assert_allclose(seen, weights(QUERIES[0]), rtol=1e-10 if jax.config.jax_enable_x64 else 1e-5)


def test_observers_of_equal_shape_share_one_compilation_and_pickle():
    traces = []

    @eqx.filter_jit
    def run(observe, x):
        traces.append(None)
        return observe(x, LEVEL, None)

    x = jnp.asarray(QUERIES[0])
    score = Empirical(jnp.asarray(POINTS))
    for observe in (own_weight(score, 0), own_weight(score, 3), own_weight(Empirical(2 * score.points), 1)):
        run(observe, x)
    assert len(traces) == 1
    copy = pickle.loads(pickle.dumps(own_weight(score, 3)))
    assert run(copy, x) == run(own_weight(score, 3), x)
