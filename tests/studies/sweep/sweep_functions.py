"""What the sweeps of the tests compute, in a module of its own that workers can import, and how the tests call them."""

import os
import signal
import time
from pathlib import Path

import jax.numpy as jnp

from diffmem import studies


class Counting:
    """A function under one name, that remembers for which arguments it was called."""

    def __init__(self, function):
        self.function, self.calls = function, []

    def __call__(self, n):
        self.calls.append(n)
        return self.function(n)


def quiet(function, grid, store=None, **options):
    return studies.sweep(function, grid, store=store, progress=False, **options)


def product(n, beta):
    return n * beta


def bytes_of_a_float(n):
    return jnp.ones(n).dtype.itemsize


def noted(n, log, seconds=0.0):
    """n squared, after a line in `log`."""
    with Path(log).open("a") as file:
        file.write(f"{n}\n")
    time.sleep(seconds)
    return n**2


def slow_square(n, seconds):
    time.sleep(seconds)
    return n**2


def deadly_square(n, deadly, mark):
    """n squared; the first process that is given `deadly` leaves the file `mark` and dies."""
    if n == deadly and not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return n**2


def kills_at_two(n):
    """n squared; whoever is given 2 dies."""
    if n == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return n**2
