"""Fine-tuning changes the chosen arrays and no other, also for several choices at once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import mitigations, networks, scores, training
from diffmem.level import NoiseLevel

NETWORK = networks.ResidualMLP(2, 4, depth=1, labels=3, label_width=2, key=jax.random.key(0))
SCORE = scores.Learned(NETWORK, scores.predictions.Signal(1.0))
POINTS = np.random.default_rng(0).normal(size=(8, 2)).astype(NETWORK.last.weight.dtype)
PARTS = {"bias": lambda s: s.network.hidden[0].bias, "layer": lambda s: s.network.last}
RUN = {"key": jax.random.key(1), "steps": 2, "batch": 4, "snapshots": [2], "labels": np.arange(8) % 3}
OBJECTIVE = training.ScoreMatching(training.LogUniform(0.1, 3.0))


def moved(after):
    leaves = jax.tree_util.tree_leaves_with_path(jax.tree.map(lambda a, b: bool(jnp.any(a != b)), NETWORK, after))
    return {jax.tree_util.keystr(path) for path, changed in leaves if changed}


@pytest.mark.slow
def test_only_the_chosen_arrays_move():
    fresh = mitigations.PartlyTrained(SCORE, mitigations.only(SCORE, *PARTS.values()))
    found = training.fit(fresh, POINTS, OBJECTIVE, **RUN).score.inner.network
    assert moved(found) == {".hidden[0].bias", ".last.weight", ".last.bias"}
    x, level = jnp.asarray(POINTS[0]), NoiseLevel(0.6, 0.8)
    label = jnp.asarray(1)
    for one, other in [(fresh, SCORE), (fresh.conditioned(label), SCORE.conditioned(label))]:
        np.testing.assert_array_equal(one.denoise(x, level), other.denoise(x, level))


@pytest.mark.slow
def test_several_choices_are_trained_at_once_as_alone():
    each = [mitigations.PartlyTrained(SCORE, mitigations.only(SCORE, part)) for part in PARTS.values()]
    keys = [jax.random.key(1)] * 2
    many = training.fit_many(each, POINTS, OBJECTIVE, **(RUN | {"key": keys}))
    for i, one in enumerate(each):
        alone, member = training.fit(one, POINTS, OBJECTIVE, **RUN).score, many.member(i).score
        for a, b in zip(jax.tree.leaves(alone.inner.network), jax.tree.leaves(member.inner.network)):
            np.testing.assert_allclose(a, b, atol=1e-5)


def test_shares():
    numbers = 3 * 2 + 4 * (2 + 9 + 2) + 4 + 2 * 4 + 2
    assert mitigations.parameter_share(SCORE, mitigations.only(SCORE)) == 0
    assert mitigations.parameter_share(SCORE, mitigations.only(SCORE, lambda s: s.network)) == 1
    assert mitigations.parameter_share(SCORE, mitigations.only(SCORE, PARTS["layer"])) == 10 / numbers
