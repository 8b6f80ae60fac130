"""What is printed is one short line that says sizes and numbers, not arrays."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import PROCESSES, SCORES

from diffmem import NoiseLevel, data, metrics, processes, reductions, scores, theory

POINTS = np.arange(12.0).reshape(6, 2)
LEVEL = NoiseLevel(1.0, 1.0)
SCORE = scores.Empirical(POINTS)

TABLE = {
    "empirical": (SCORE, "Empirical(n=6, shape=(2,), reduction=Dense())"),
    "wrapped": (scores.Widened(SCORE, 0.5), f"Widened(held={SCORE!r}, width=0.5)"),
    "penalised": (
        scores.Tikhonov(SCORE, 0.1),
        f"Tikhonov(held={SCORE!r}, strength=0.1, penalty=inverse_variance_penalty)",
    ),
    "function": (scores.FromFunction(jnp.tanh), "FromFunction(function=tanh)"),
    "process": (processes.EDM(sigma_max=40.0), "EDM(sigma_max=40.0)"),
    "dataset": (
        data.Dataset(np.zeros((3, 2, 2), np.float32), name="nothing"),
        "Dataset(points=f32[3,4], labels=None, event_shape=(2, 2), value_range=(0.0, 0.0), name='nothing')",
    ),
    "estimate": (theory.Estimate(jnp.asarray(0.25), 0.0123456), "Estimate(value=0.25, error=0.01235)"),
    "neighbours": (metrics.nearest(POINTS, POINTS, 2), "Neighbours(distance=f64[6,2], index=i64[6,2])"),
    "memorization": (
        metrics.memorization(POINTS[:3], POINTS),
        "Memorization(fraction=1 [0.439, 1] of 3 samples, d1/d2 < 0.333)",
    ),
    "interval": (metrics.wilson(0, 1), "Interval(low=0, high=0.7935)"),
}


@pytest.mark.parametrize("name", TABLE)
def test_what_is_printed(name):
    value, expected = TABLE[name]
    assert repr(value) == expected


@pytest.mark.parametrize("name", SCORES)
def test_every_score_prints_on_one_line(name):
    dtype = np.dtype("float64" if jax.config.jax_enable_x64 else "float32")
    text = repr(SCORES[name].make(dtype, PROCESSES["EDM"]))
    assert "\n" not in text and len(text) < 400


def test_inside_a_trace():
    """A scalar that has no value yet is shown by its type."""
    texts = []
    jax.eval_shape(lambda width: texts.append(repr(scores.Widened(SCORE, width))), jnp.float32(0.5))
    assert texts == [f"Widened(held={SCORE!r}, width=f32[])"]


def test_what_an_evaluation_found():
    text = repr(SCORE.evaluate(POINTS[0], LEVEL))
    assert text.startswith("Evaluation(mean=f") and "\n" not in text
    assert repr(reductions.Dense()) == "Dense()"
