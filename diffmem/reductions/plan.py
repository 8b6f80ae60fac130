"""How much is done at a time, by backend and shape, and by which reduction: decided before anything is traced."""

from typing import NamedTuple

CACHE = 4_000_000  # bytes of centres at a time on a CPU: larger chunks leave the caches, smaller ones the second core
MOST_ROWS = 8192
LOGITS = 1 << 20  # of a block of queries, which stay in the cache with it
LAUNCH = 1 << 30  # bytes of centres at a time on an accelerator, where every kernel costs its launch
LAUNCH_LOGITS = 1 << 27


class Plan(NamedTuple):
    """Sizes of the blocks of a pass."""

    rows: int
    """Centres at a time."""
    queries: int
    """Queries at a time."""


def plan(n: int, d: int, itemsize: int, backend: str) -> Plan:
    """The blocks for n centres of d coordinates of `itemsize` bytes on a backend, "cpu" or another."""
    if backend == "cpu":
        rows = even(n, min(MOST_ROWS, CACHE // (itemsize * d)), 16)
        return Plan(rows, max(1, LOGITS // rows))
    rows = even(n, LAUNCH // (8 * d))
    return Plan(rows, max(1, LAUNCH_LOGITS // rows))


def even(total: int, most: int, multiple: int = 1) -> int:
    """The size of equal parts that are no larger than `most`, rounded up to a multiple if there are several."""
    parts = -(-total // max(1, most))
    size = -(-total // parts)
    return size if parts == 1 else min(total, -(-size // multiple) * multiple)
