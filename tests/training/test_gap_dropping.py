"""Items of large gaps have no loss, others have that of the objective."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import networks, scores, training
from diffmem.level import NoiseLevel

POINTS = np.random.default_rng(2).normal(size=(6, 3))
LABELS = np.array([0, 0, 0, 1, 1, 1])
OBJECTIVE, NOISIEST = training.ScoreMatching(training.LogUniform(0.1, 3.0)), NoiseLevel(0.1, 1.0)


def learned():
    network = networks.ResidualMLP(3, 8, labels=2, key=jax.random.key(0))
    return scores.Learned(network, scores.predictions.Signal(1.0))


def test_the_gap_is_that_of_the_noise_predictions():
    x = jnp.asarray(POINTS[0])
    score = learned()
    one, other = (score.conditioned(label).denoise(x, NOISIEST) for label in (jnp.asarray(1), None))
    found = training.noise_gap(score, jnp.asarray(1), x, NOISIEST)
    np.testing.assert_allclose(found, 0.1 * np.linalg.norm(one - other), rtol=1e-5)


def test_an_item_counts_where_its_gap_is_small():
    score, key, datum = learned(), jax.random.key(4), jnp.asarray(POINTS[1])
    kept, dropped = (training.GapDropping(OBJECTIVE, threshold, NOISIEST) for threshold in (np.inf, 0.0))
    plain = OBJECTIVE(score, datum, jnp.asarray(0), key=jax.random.split(key)[1])
    assert float(kept(score, datum, jnp.asarray(0), key=key)) == float(plain)
    assert float(dropped(score, datum, jnp.asarray(0), key=key)) == 0


@pytest.mark.slow
def test_nothing_is_learned_where_all_is_dropped():
    start = learned()
    rule = training.GapDropping(OBJECTIVE, 0.0, NOISIEST)
    run = training.fit(start, POINTS, rule, key=jax.random.key(1), steps=2, labels=LABELS, batch=4, snapshots=[2])
    np.testing.assert_array_equal(run.score.network.last.weight, start.network.last.weight)
    assert run.train_loss[0] > 0
