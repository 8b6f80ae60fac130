"""What is printed is one short line that says sizes and numbers, not arrays."""

import dataclasses
import importlib
import inspect
import pkgutil

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import PROCESSES, SCORES

import diffmem
from diffmem import NoiseLevel, data, metrics, processes, reductions, scores, theory
from diffmem.representation import one_line

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
    "function": (scores.FromFunction(jnp.arctan2), "FromFunction(function=arctan2)"),
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


def public_types():
    """Every named tuple, module and data class that a package offers."""
    found = {}
    for package in pkgutil.walk_packages(diffmem.__path__, "diffmem."):
        if package.name.endswith("__main__"):
            continue
        module = importlib.import_module(package.name)
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            record = hasattr(value, "_fields") or dataclasses.is_dataclass(value)
            if inspect.isclass(value) and record and not inspect.isabstract(value):
                found[f"{value.__module__}.{name}"] = value
    return found


def filled(kind):
    """One with a thousand numbers in each field, made without its constructor."""
    large = np.zeros((100, 10))
    if issubclass(kind, tuple):
        return tuple.__new__(kind, [large] * len(kind._fields))
    made = object.__new__(kind)
    for field in dataclasses.fields(kind):
        object.__setattr__(made, field.name, large)
    return made


def test_every_public_type_is_short():
    """By `one_line`, by a line of its own, or because it holds numbers and names only."""
    types = public_types()
    assert len(types) > 100
    for name, kind in types.items():
        if kind.__repr__ is one_line or kind.__repr__ is eqx.Module.__repr__:
            text = repr(filled(kind))
            assert text.count("\n") < 10 and len(text) < 1000, name
        elif "def __repr__" not in inspect.getsource(kind):
            fields = str(inspect.get_annotations(kind))
            assert not any(word in fields for word in ("Array", "ndarray", "Dataset", "Mapping", "Callable")), name
