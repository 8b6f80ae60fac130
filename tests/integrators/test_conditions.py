"""One condition for each sample: equal to a run for each condition, and compiled once."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

import diffmem as dm
from diffmem import processes, scores
from diffmem.integrators.conditions import grouped

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(12, 3)).astype(np.float32)
LABELS = np.arange(12) % 4
PROCESS = processes.EDM()
TIMES = dm.integrators.grids.karras(PROCESS, steps=6)
WANTED = np.array([2, 0, 3, 0, 0, 2, 1])


def test_groups():
    groups = grouped(WANTED, 7)
    assert groups.conditions.tolist() == [0, 1, 2, 3] and groups.index.shape == (3, 4)
    assert groups.index.ravel()[groups.place].tolist() == list(range(7))
    rows = grouped(np.array([[1.0, 2.0], [0.0, 5.0], [1.0, 2.0]]), 3)
    assert rows.conditions.tolist() == [[0.0, 5.0], [1.0, 2.0]] and rows.index.tolist() == [[1, 0], [1, 2]]


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [None, 4])
def test_each_sample_is_that_of_its_condition_alone(batch_size):
    prompt = scores.Labelled(scores.Empirical(POINTS), LABELS, label=0)
    watch = dm.metrics.participation()
    out = dm.sample(
        prompt.conditioned, PROCESS, dm.integrators.DDIM(), TIMES, (3,), 7, key=jr.key(1), condition=WANTED,
        observe=watch, batch_size=batch_size,
    )  # fmt: skip
    assert out.exact_start and out.observed.shape == (7, 7)
    for label in range(4):
        alone = dm.sample(
            prompt.conditioned(label), PROCESS, dm.integrators.DDIM(), TIMES, (3,), 7, key=jr.key(1), observe=watch
        )
        own = label == WANTED
        np.testing.assert_allclose(out.points[own], alone.points[own], atol=1e-5)
        np.testing.assert_allclose(out.observed[:, own], alone.observed[:, own], rtol=1e-4)
    nearest = np.linalg.norm(POINTS[None] - np.asarray(out.points)[:, None], axis=2).argmin(axis=1)
    np.testing.assert_array_equal(LABELS[nearest], WANTED)


@pytest.mark.slow
def test_guided_scores_of_all_classes_compile_once():
    prompt, traced = scores.Labelled(scores.Empirical(POINTS), LABELS, label=0), []

    def guided(label):
        traced.append(label)
        return scores.Guided(prompt.conditioned(label), prompt.unconditional, 2.0)

    start = 80 * jr.normal(jr.key(2), (7, 3))
    out = dm.sample(
        guided, PROCESS, dm.integrators.DDIM(), TIMES, (3,), 7, key=jr.key(1), condition=WANTED, start=start
    )
    assert sum(isinstance(label, jax.core.Tracer) for label in traced) == 1
    for label in range(4):
        alone = dm.sample(
            guided(jnp.asarray(label)), PROCESS, dm.integrators.DDIM(), TIMES, (3,), 7, key=jr.key(1), start=start
        )
        np.testing.assert_allclose(out.points[label == WANTED], alone.points[label == WANTED], atol=1e-4)
    again = dm.sample(
        guided, PROCESS, dm.integrators.DDIM(), TIMES, (3,), 7, key=jr.key(1), condition=WANTED[::-1], start=start
    )
    assert sum(isinstance(label, jax.core.Tracer) for label in traced) == 1
    copies = dm.metrics.memorization(again.points, POINTS, labels=WANTED[::-1]).by_label
    assert copies.label.tolist() == [0, 1, 2, 3] and copies.count.tolist() == [3, 1, 2, 1]


def test_conditions_are_one_for_each_sample():
    prompt = scores.Labelled(scores.Empirical(POINTS), LABELS, label=0)
    with pytest.raises(ValueError, match=r"`condition` must be one for each of 5 samples, but has shape \(7,\)\."):
        dm.sample(prompt.conditioned, PROCESS, dm.integrators.DDIM(), TIMES, (3,), 5, key=jr.key(1), condition=WANTED)
