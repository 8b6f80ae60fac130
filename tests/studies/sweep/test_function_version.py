"""Versions of a function."""

import functools

import numpy as np
import pytest

from diffmem.studies import sweep
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


def test_another_body_is_refused_or_taken_on_request(tmp_path):
    """A new user's notebook: the body was changed, and the old values came back."""
    first = sweep(made("n + 1"), {"n": (1, 2)}, store=tmp_path, progress=False)
    assert first.value.values.tolist() == [2, 3]
    with pytest.raises(ValueError, match=r"differ in version \(\w+ there, \w+ here\): choose another folder"):
        sweep(made("n + 5"), {"n": (1, 2)}, store=tmp_path, progress=False)
    kept = sweep(made("n + 5"), {"n": (1, 2)}, store=tmp_path, progress=False, any_version=True)
    assert kept.value.values.tolist() == [2, 3]
