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


class Apart(scores.AbstractScore):
    """Noise x with a label and 0 without one, so that the gap is |x|."""

    label: jax.Array | None = None

    def evaluate(self, x, level):
        noise = jnp.zeros_like(x) if self.label is None else x
        return scores.Evaluation(jnp.zeros_like(x), noise)

    def conditioned(self, label):
        return Apart(label)


@pytest.mark.parametrize("drawn_from", ["key", "fresh"])
def test_the_gap_is_taken_at_the_noise_of_its_level(drawn_from):
    """Of two coordinates of standard deviation 80, |x| < 20 has probability 1 - exp(-1/32)."""
    rule, datum = training.GapDropping(OBJECTIVE, 20.0, NoiseLevel(1.0, 80.0)), jnp.ones(2)
    keys = {"key": jax.random.key(0), drawn_from: jax.random.split(jax.random.key(1), 4000)}
    one = lambda keys: rule(Apart(), datum, jnp.asarray(0), **keys)  # noqa: E731
    kept = np.asarray(jax.vmap(one, ({name: 0 if name == drawn_from else None for name in keys},))(keys)) > 0
    share = -np.expm1(-1 / 32)
    assert kept.mean() == pytest.approx(share, abs=5 * np.sqrt(share / 4000))
