"""How much is done at a time and in which precision, by backend and shape: decided before anything is traced."""

from typing import Literal, NamedTuple

from ..batches import even

CACHE = 4_000_000  # bytes of centres at a time on a CPU: twice as much, in double precision, still stays in the caches
# centres at a time, and logits of a block of queries: chosen by trial, in 2 to 784 dimensions
MOST_ROWS = 2560
LOGITS = 1 << 21
LAUNCH = 1 << 30  # bytes of centres at a time on an accelerator, where every kernel costs its launch
LAUNCH_LOGITS = 1 << 27
SINGLE = ("METAL",)  # backends without double precision

Energies = Literal["auto", "single", "double"]
"""Precision of the energies: single where that is enough and double elsewhere, or always one of the two."""


class Plan(NamedTuple):
    """How a pass is made."""

    rows: int
    """Centres at a time."""
    queries: int
    """Queries at a time."""
    energies: Energies


def plan(n: int, d: int, itemsize: int, backend: str) -> Plan:
    """The pass over n centres of d coordinates of `itemsize` bytes on a backend, "cpu" or another.

    On a CPU a chunk of centres stays in the cache, and the logits of a block of queries near it; an accelerator takes
    as much at once as is sensible, because there each launch of a small kernel costs more than its work.
    """
    if backend == "cpu":
        rows = even(n, min(MOST_ROWS, CACHE // (itemsize * d)), 16)
        return Plan(rows, max(1, LOGITS // rows), "auto")
    rows = even(n, LAUNCH // (8 * d))
    return Plan(rows, max(1, LAUNCH_LOGITS // rows), "single" if backend in SINGLE else "auto")
