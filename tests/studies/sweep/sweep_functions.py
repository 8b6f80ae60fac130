"""What the sweeps of the tests compute, in a module of its own that workers can import."""

import os
import signal
import time
from pathlib import Path

import jax.numpy as jnp


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
