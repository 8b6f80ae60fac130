"""A function of the text that was seen before is the function that was seen before, and no other is."""

import functools
import importlib
import os
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import processes, sample
from diffmem.data import Dataset
from diffmem.integrators import (
    DDIM,
    grids,
)
from diffmem.same_functions import known
from diffmem.scores import AbstractScore, Empirical, Evaluation, FromFunction

POINTS = np.random.default_rng(9).normal(size=(20, 3)).astype(np.float32).astype(float)
PROCESS = processes.OrnsteinUhlenbeck(t_min=0.05, t_max=4.0)
TIMES = grids.karras(PROCESS, 6)
KEY = jax.random.key(4)


class Notebook:
    """Cells that are run in one namespace, compiled anew each time as notebooks do."""

    def __init__(self, **names):
        self.names = {"np": np, "jnp": jnp} | names

    def run(self, cell):
        exec(compile(cell, "<cell>", "exec"), self.names)
        return self.names.get("observe")

    def seen(self, observe):
        """What `sample` observes of the point (1, 1, 1) with an observer of this text, by its compiled function."""
        return _seen(known(self.run(f"observe = {observe}")), jnp.ones(3))


_seen = jax.jit(lambda observe, x: observe(x, None, None), static_argnums=0)


class Counted(AbstractScore):
    """Counts how often it is traced in a path."""

    points: jax.Array
    traced = []  # noqa: RUF012

    def evaluate(self, x, level):
        self.traced.append(None)
        return Evaluation(self.points.mean(0), x)

    def denoise(self, x, level):
        return self.points.mean(0)


class Pair(eqx.Module):
    """A module around a module."""

    one: eqx.Module


OBSERVERS = {
    "a constant": "lambda x, level, found: 3.0 * x[0]",
    "a number": "lambda x, level, found: factor * x[0]",
    "an array": "lambda x, level, found: (array * x).sum()",
    "a default": "lambda x, level, found, factor=factor: factor * x[0]",
    "a function inside": "lambda x, level, found: (lambda y: factor * y)(x[0])",
    "a closure": "(lambda factor: lambda x, level, found: factor * x[0])(factor)",
    "the score": "lambda x, level, found: factor * x[0] + 0 * score.points.sum()",
}


@pytest.mark.parametrize("observe", OBSERVERS.values(), ids=OBSERVERS)
def test_a_cell_that_is_run_again_has_the_same_observer(observe):
    book = Notebook(factor=3.0, array=jnp.asarray([3.0, 0.0, 0.0]), score=Empirical(POINTS))
    assert book.seen(observe) == 3
    first = known(book.names["observe"])
    assert known(book.run(f"observe = {observe}")) is first and book.names["observe"] is not first


def test_a_cell_that_is_run_again_compiles_nothing():
    score = Counted(jnp.asarray(POINTS))
    book = Notebook(sample=sample, score=score, process=PROCESS, times=TIMES, key=KEY, DDIM=DDIM, factor=3.0)
    observe = "lambda x, level, found: factor * found.mean + score.points[0]"
    for factor, traced in ((3.0, 1), (3.0, 0), (5.0, 1), (3.0, 0)):
        Counted.traced.clear()
        book.names["factor"] = factor
        book.run(f"out = sample(score, process, DDIM(), times, (3,), 2, key=key, observe={observe})")
        expected = factor * POINTS.mean(0) + POINTS[0]
        np.testing.assert_allclose(book.names["out"].observed, np.broadcast_to(expected, (7, 2, 3)), rtol=1e-5)
        assert len(Counted.traced) == traced


CHANGES = {
    "another number": ("factor = 3.0", "lambda x, level, found: factor * x[0]", "factor = 5.0"),
    "another type of number": (
        "factor = 3",
        "lambda x, level, found: x[0] * (5 if factor is True else 3)",
        "factor = True",
    ),
    "another constant": ("", "lambda x, level, found: {} * x[0]", ""),
    "another array": ("a = jnp.full(3, 3.)", "lambda x, level, found: (a * x)[0]", "a = jnp.full(3, 5.)"),
    "another tuple": ("pair = (1, 3.0)", "lambda x, level, found: pair[1] * x[0]", "pair = (1, 5.0)"),
    "another default": ("factor = 3.0", "lambda x, level, found, f=factor: f * x[0]", "factor = 5.0"),
    "another closure": ("factor = 3.0", "(lambda f: lambda x, level, found: f * x[0])(factor)", "factor = 5.0"),
    "another function": (
        "def measure(x): return 3 * x[0]",
        "lambda x, level, found: measure(x)",
        "def measure(x): return 5 * x[0]",
    ),
    "another number of a function": (
        "factor = 3.0\ndef measure(x): return factor * x[0]",
        "lambda x, level, found: measure(x)",
        "factor = 5.0",
    ),
    "another entry of a dictionary": (
        "settings = {'factor': 3.0}",
        "lambda x, level, found: settings['factor'] * x[0]",
        "settings['factor'] = 5.0",
    ),
    "another entry of an array": (
        "factors = np.array([3.0])",
        "lambda x, level, found: float(factors[0]) * x[0]",
        "factors[0] = 5.0",
    ),
    "another attribute of a class": (
        "class Settings: factor = 3.0",
        "lambda x, level, found: Settings.factor * x[0]",
        "Settings.factor = 5.0",
    ),
    "another attribute": (
        "class Settings: factor = 3.0\nsettings = Settings()",
        "lambda x, level, found: settings.factor * x[0]",
        "settings.factor = 5.0",
    ),
}


@pytest.mark.parametrize("before, observe, after", CHANGES.values(), ids=CHANGES)
def test_an_observer_is_not_confused_with_another(before, observe, after):
    """The text is the same, but what it refers to is not: what is seen follows."""
    book = Notebook()
    for cell, number in ((before, 3.0), (after, 5.0)):
        book.run(cell)
        assert book.seen(observe.format(number)) == number


def test_an_observer_that_names_what_is_not_there_yet():
    """A local name that is given a value only later, in a branch that is not taken."""

    def draw():
        observe = lambda x, level, found: later if level is None else x[0]  # noqa: E731
        out = sample(FromFunction(lambda x, level: x / 2), PROCESS, DDIM(), TIMES, (3,), 2, key=KEY, observe=observe)
        later = 0
        return out.observed, later

    assert draw()[0].shape == (7, 2)


def test_a_function_whose_variables_changed_is_another_one():
    """Also where the same object is given again, and where its text is run again after that."""
    notebook = Notebook(factor=1.0)
    text = "lambda x, level, found: factor * x[0]"
    assert notebook.seen(text) == 1
    notebook.names["factor"] = 3.0
    assert _seen(known(notebook.names["observe"]), jnp.ones(3)) == 3
    assert notebook.seen(text) == 3
    notebook.names["factor"] = 1.0
    assert notebook.seen(text) == 1


def test_modules_of_the_user_may_change(tmp_path, monkeypatch):
    """A setting in a module that is edited and loaded again is seen; installed modules stay what they are."""
    (tmp_path / "settings_of_mine.py").write_text("scale = 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "settings_of_mine", raising=False)
    module = importlib.import_module("settings_of_mine")
    notebook = Notebook(mine=module)
    text = "lambda x, level, found: mine.scale * x[0]"
    assert notebook.seen(text) == 1
    module.scale = 3.0
    assert notebook.seen(text) == 3
    inside = "lambda x, level, found: __import__('settings_of_mine').scale * x[0]"
    assert notebook.seen(inside) == 3
    module.scale = 5.0
    assert notebook.seen(inside) == 5
    assert known(notebook.run("observe = lambda x, level, found: jnp.sum(x)")) is known(
        notebook.run("observe = lambda x, level, found: jnp.sum(x)")
    )


KEPT = {
    "a number of the score": "lambda x, level, found: found.info.participation",
    "a random number of a key": "lambda x, level, found: jax.random.uniform(key) + x[0]",
    "functions of installed modules": "lambda x, level, found: jnp.linalg.norm(x) + np.sqrt(2.0) + len(x) + norm(x)",
    "a network": "lambda x, level, found: network(x)",
    "a wrapped function": "lambda x, level, found: wrapped(x)",
    "a module that holds itself": "lambda x, level, found: x[0] * len(os.path.os.sep)",
}


@pytest.mark.parametrize("observe", KEPT.values(), ids=KEPT)
def test_what_cannot_change_is_recognised(observe):
    network = eqx.nn.MLP(3, 3, 4, 1, key=KEY)
    book = Notebook(jax=jax, os=os, key=KEY, network=network, norm=jnp.linalg.norm, functools=functools)
    cell = "def plain(x): return x[0]\n@functools.wraps(plain)\ndef wrapped(x): return 2 * plain(x)"
    book.run(cell)
    first = known(book.run(f"observe = {observe}"))
    book.run(cell)
    assert known(book.run(f"observe = {observe}")) is first and book.names["observe"] is not first


STATES = {
    "a method of a dictionary": ("settings = {}; get = settings.get", "get('k')", "settings['k'] = {}"),
    "a method of an array": ("a = np.ones(2); take = a.take", "take(0)", "a[:] = {}"),
    "an array in a module": ("a = np.ones((3, 2), 'f4'); ref = Dataset(a)", "ref.points.mean()", "a[:] = {}"),
    "a module inside a module": ("a = np.ones((3, 2), 'f4'); ref = (Pair(Dataset(a)),)", "ref[0].one.d", "a[:] = {}"),
    "an attribute of a function": ("def helper(x): return helper.k * x", "helper(1.0)", "helper.k = {}"),
    "an attribute of a wrapped function": (
        "def plain(x): return x\n@functools.wraps(plain)\ndef helper(x): return plain.k * x",
        "helper(1.0)",
        "plain.k = {}",
    ),
    "the environment": ("import os", "float(os.environ['DIFFMEM_S'])", "os.environ['DIFFMEM_S'] = str({})"),
    "the environment by another name": (
        "import os; from os import environ as e, getenv as g",
        "float(g('DIFFMEM_S'))",
        "e['DIFFMEM_S'] = str({})",
    ),
    "random numbers": ("", "np.random.rand()", ""),
    "random numbers of Python": ("import random", "random.uniform(0, 1)", ""),
    "random numbers by another name": ("from numpy.random import rand as r", "r()", ""),
    "the clock": ("import time as t", "t.perf_counter()", ""),
    "a file": ("", "float(open('/dev/null').read() or 1)", ""),
    "a file by another name": ("read = open", "read('/dev/null') and 1.0", ""),
    "a module by its name": ("import importlib as il", "il.import_module('math').pi", ""),
    "a function that imports": ("from importlib import import_module as im", "im('math').pi", ""),
    "a generator by another name": ("from numpy.random import default_rng as make", "make().random()", ""),
    "a clock in a tuple": ("from time import perf_counter; pair = (perf_counter, 1.0)", "pair[0]()", ""),
    "a loaded module": ("import sys", "sys.modules['math'].pi", ""),
}


@pytest.mark.parametrize("before, seen, change", STATES.values(), ids=STATES)
def test_what_may_have_changed_is_never_taken_for_what_was_seen(before, seen, change, monkeypatch):
    monkeypatch.setenv("DIFFMEM_S", "1.0")
    book, observers = Notebook(Dataset=Dataset, Pair=Pair, functools=functools), []
    book.run(before)
    for number in (1.0, 2.0):
        book.run(change.format(number))
        observers.append(known(book.run(f"observe = lambda x, level, found: {seen} * jnp.ones(())")))
    assert observers[0] is not observers[1]


def test_an_import_inside_an_observer_is_seen():
    text = "def observe(x, level, found):\n    from numpy import random\n    return random.rand() * x[0]"
    assert known(Notebook().run(text)) is not known(Notebook().run(text))
