"""Versions of a function."""

import dataclasses
import enum
import functools
import importlib
import os
import pathlib
import subprocess
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import data, processes
from diffmem.studies import MLPLearner, sweep
from diffmem.studies.sweep.function_version import fingerprint


def made(body, **names):
    """A function of another text, as a notebook cell that was run again makes it."""
    space = {"__name__": "mine", **names}
    exec(f"def f(n):\n    return {body}", space)
    return space["f"]


def closed(value):
    return lambda n: n * value


def test_equal_functions_are_equal_and_others_are_not():
    assert fingerprint(made("n + 1")) == fingerprint(made("n + 1")) != fingerprint(made("n + 2"))
    assert fingerprint(closed(2.0)) == fingerprint(closed(2.0)) != fingerprint(closed(3.0))
    assert fingerprint(closed(np.arange(3))) == fingerprint(closed(np.arange(3))) != fingerprint(closed(np.arange(4)))
    assert fingerprint(made("n * k", k=2)) != fingerprint(made("n * k", k=3))
    assert fingerprint(closed(made("n"))) != fingerprint(closed(made("n + 1")))
    assert fingerprint(functools.partial(pow, 2)) != fingerprint(functools.partial(pow, 3))


@dataclasses.dataclass(frozen=True)
class Settings:
    scale: object


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Static(eqx.Module):
    scale: float = eqx.field(static=True)


class Field(eqx.Module):
    scale: jax.Array


class Scaled:
    """A callable object, whose method `run` may be given, too."""

    def __init__(self, scale):
        self.scale, self.calls = scale, []

    def __call__(self, n):
        return self.scale * n

    def run(self, n):
        return self.scale * n


class Slotted:
    __slots__ = ("scale",)

    def __init__(self, scale):
        self.scale = scale


def scaled_by(scale):
    """A decorator that keeps the name of what it wraps."""

    def decorate(function):
        @functools.wraps(function)
        def inner(n):
            return scale * function(n)

        return inner

    return decorate


def with_body(body):
    """A callable object of a class of one name, whose `__call__` was edited."""
    return type("Edited", (), {"__module__": "mine", "__call__": made(body)})()


def recursive(scale):
    def inner(n):
        return scale if n == 0 else inner(n - 1)

    return inner


def sum_of(n, parts):
    return n * sum(parts)


def own_module(scale):
    module = type(sys)("own_module")
    module.scale, module.unused = scale, object()
    return made("n * own.scale", own=module)


ON_ONE_LINE = [lambda n: n * 1.0, lambda n: n * 2.0]
BODIES = ["n * 1.0", "n * 2.0"]
PROCESSES = [processes.Discrete(np.cumprod(1 - np.linspace(1e-3, last, 9))) for last in (0.02, 0.03)]
# each makes two things that must differ, those of 0 and 1
DIFFERENT = {
    "a random key in a partial": lambda i: functools.partial(made("n"), key=jax.random.key(i)),
    "a random key as a global": lambda i: made("jax.random.normal(KEY) * n", jax=jax, KEY=jax.random.key(i)),
    "a raw random key": lambda i: closed(jax.random.PRNGKey(i)),
    "a global in a generator": lambda i: made("sum(scale * k for k in range(n))", scale=float(i)),
    "a global in a lambda": lambda i: made("(lambda x: scale * x)(n)", scale=float(i)),
    "a global in a lambda in a lambda": lambda i: made("(lambda x: (lambda: scale * x)())(n)", scale=float(i)),
    "a helper under jit": lambda i: made("helper(n)", helper=jax.jit(made(BODIES[i]))),
    "a function under jit": lambda i: jax.jit(made(BODIES[i])),
    "a function under jit and vmap": lambda i: jax.vmap(jax.jit(made(BODIES[i]))),
    "a function under eqx.filter_jit": lambda i: eqx.filter_jit(made(BODIES[i])),
    "a bound method": lambda i: Scaled(i).run,
    "a bound method in a closure": lambda i: closed(Scaled(i).run),
    "a callable object": lambda i: Scaled(i),
    "the code of a callable object": lambda i: with_body(BODIES[i]),
    "a class that is named": lambda i: made("Edited()(n)", Edited=type(with_body(BODIES[i]))),
    "lambdas on one line": lambda i: ON_ONE_LINE[i],
    "the closure of a decorator": lambda i: scaled_by(i)(made("n")),
    "what a decorator wraps": lambda i: scaled_by(1)(made(BODIES[i])),
    "a frozen dataclass": lambda i: closed(Settings(float(i))),
    "a list in a dataclass": lambda i: closed(Settings([i])),
    "a list in a partial": lambda i: functools.partial(sum_of, parts=[0.1] * 50 + [i]),
    "a static field": lambda i: closed(Static(float(i))),
    "an array field": lambda i: closed(Field(jnp.asarray(float(i)))),
    "slots": lambda i: closed(Slotted(i)),
    "a ufunc": lambda i: closed((np.sin, np.cos)[i]),
    "a function of JAX": lambda i: closed((jnp.sin, jnp.cos)[i]),
    "a ufunc of JAX": lambda i: closed((jnp.add, jnp.multiply)[i]),
    "an activation": lambda i: closed((jax.nn.relu, jax.nn.gelu)[i]),
    "an enum member": lambda i: closed((Color.RED, Color.BLUE)[i]),
    "a path": lambda i: closed(pathlib.Path(f"/data/{i}")),
    "a range": lambda i: closed(range(3 + i)),
    "a slice": lambda i: closed(slice(3 + i)),
    "a data type": lambda i: closed(np.dtype(("f4", "f8")[i])),
    "a type": lambda i: closed((jnp.float32, jnp.float16)[i]),
    "a cached function": lambda i: functools.lru_cache(made(BODIES[i])),
    "None and ()": lambda i: closed((None, ())[i]),
    "tuples of the same digits": lambda i: closed(((1, 23), (12, 3))[i]),
    "nested tuples": lambda i: closed((((1, 2), 3), (1, (2, 3)))[i]),
    "True and 1": lambda i: closed((True, 1)[i]),
    "frozen sets": lambda i: closed(frozenset((("a", "b", "c"), ("a", "b", "d"))[i])),
    "a frozen set in the code": lambda i: made(("n in {'a', 'b', 'c'}", "n in {'a', 'b', 'd'}")[i]),
    "a recursive function": lambda i: recursive(i),
    "a value in one's own module": lambda i: own_module(i),
    "an array of objects": lambda i: closed(np.array([i, "a"], object)),
    "a process of the package": lambda i: PROCESSES[i],
    "a learner of the package": lambda i: MLPLearner(width=8 + i),
    "a data set": lambda i: closed(data.Dataset(np.full((3, 2), float(i)))),
}


@pytest.mark.parametrize("make", DIFFERENT.values(), ids=list(DIFFERENT))
def test_what_may_change_a_result_changes_the_fingerprint(make):
    assert fingerprint(make(0)) == fingerprint(make(0)) != fingerprint(make(1))


def test_fingerprints_are_equal_in_other_processes():
    code = "import test_function_version as t\nfor make in t.DIFFERENT.values(): print(t.fingerprint(make(0)))"
    place = str(pathlib.Path(__file__).parent)
    found = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": place},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for seed in ("1", "2")
    ]
    assert found[0] == found[1] and len(set(found[0])) > len(DIFFERENT) - 6  # some rows begin with the same thing


def test_a_log_that_the_function_fills_and_a_comment_do_not_count():
    scaled = Scaled(2)
    before = fingerprint(scaled)
    scaled.calls.append(3)
    assert fingerprint(scaled) == before
    log = []
    assert fingerprint(closed(log)) == (log.append(1), fingerprint(closed(log)))[1]
    assert fingerprint(made("n  # one")) == fingerprint(made("n  # two"))


def test_cycles_and_depth_end():
    ring = Scaled(None)
    ring.scale = (ring, ring.run)
    chain = ()
    for _ in range(5000):
        chain = (chain,)
    for value in (ring, chain, closed(chain), sys.modules[__name__], np):
        assert len(fingerprint(value)) == 16


def test_the_code_that_runs_counts_and_not_its_file(tmp_path, monkeypatch):
    """A module was edited while a session ran its old code."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    path = tmp_path / "edited_module.py"
    path.write_text("def f(n):\n    return 1.0 * n\n")
    old = importlib.import_module("edited_module").f
    before = fingerprint(old)
    path.write_text("def f(n):\n    return 7.0 * n\n")
    assert fingerprint(old) == before
    importlib.reload(sys.modules["edited_module"])
    assert fingerprint(sys.modules["edited_module"].f) != before


def test_a_store_of_another_precision_is_refused(tmp_path):
    with jax.enable_x64(True):
        sweep(made("n + 1"), {"n": (1,)}, store=tmp_path, progress=False)
    with jax.enable_x64(False), pytest.raises(ValueError, match=r"differ in x64 \(1 there, 0 here\)"):
        sweep(made("n + 1"), {"n": (1,)}, store=tmp_path, progress=False)


def test_another_body_is_refused_or_taken_on_request(tmp_path):
    """A new user's notebook: the body was changed, and the old values came back."""
    first = sweep(made("n + 1"), {"n": (1, 2)}, store=tmp_path, progress=False)
    assert first.value.values.tolist() == [2, 3]
    with pytest.raises(ValueError, match=r"differ in version \(\w+ there, \w+ here\): choose another folder"):
        sweep(made("n + 5"), {"n": (1, 2)}, store=tmp_path, progress=False)
    kept = sweep(made("n + 5"), {"n": (1, 2)}, store=tmp_path, progress=False, any_version=True)
    assert kept.value.values.tolist() == [2, 3]
