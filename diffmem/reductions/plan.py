"""How much is done at a time and in which precision, by backend and shape: decided before anything is traced."""

import re
from typing import Literal, NamedTuple

import jax

from ..batches import even

CACHE = 1_000_000  # coordinates of centres at a time on a CPU: in double precision, too, they stay in the caches
# centres at a time, and logits of a block of queries: chosen by trial, in 2 to 784 dimensions
MOST_ROWS = 2560
LOGITS = 1 << 21
LAUNCH = 1 << 27  # coordinates at a time on an accelerator, where every kernel costs its launch: 1 GB in double
LAUNCH_LOGITS = 1 << 27
# coordinates of differences that a derivative holds for each query: in a CPU's cache, and on an accelerator
DIFFERENCES, LAUNCH_DIFFERENCES = 1 << 15, 1 << 20
SINGLE = ("METAL",)  # backends without double precision
# words in the names of devices whose products in double precision cost about what those in single precision do: there a
# pass all in double precision needs no branch, for which a device waits for its host
DOUBLE = {"P100", "V100", "A30", "A100", "A800", "H100", "H200", "H800", "GH200", "B100", "B200", "GB200", "MI100"}
DOUBLE |= {"MI210", "MI250", "MI250X", "MI300A", "MI300X", "MI325X"}

Energies = Literal["auto", "single", "double"]
"""Precision of the energies: single where that is enough and double elsewhere, or always one of the two."""


class Plan(NamedTuple):
    """How a pass is made."""

    rows: int
    """Centres at a time."""
    queries: int
    """Queries at a time."""
    energies: Energies


def plan(n: int, d: int) -> Plan:
    """The pass over n centres of d coordinates on JAX's default backend.

    On a CPU a chunk of centres stays in the cache, and the logits of a block of queries near it; an accelerator takes
    as much at once as is sensible, because there each launch of a small kernel costs more than its work.
    """
    backend = jax.default_backend()
    if backend == "cpu":
        rows = even(n, min(MOST_ROWS, CACHE // d), 16)
        return Plan(rows, max(1, LOGITS // rows), "auto")
    rows = even(n, LAUNCH // d, 16)
    queries = max(1, LAUNCH_LOGITS // rows)
    if backend in SINGLE:
        return Plan(rows, queries, "single")
    words = re.split(r"\W+", jax.devices()[0].device_kind)
    return Plan(rows, queries, "auto" if DOUBLE.isdisjoint(words) else "double")


def difference_rows(d: int) -> int:
    """Centres at a time where every query has differences of its own, as in derivatives."""
    most = DIFFERENCES if jax.default_backend() == "cpu" else LAUNCH_DIFFERENCES
    return max(8, most // d)
