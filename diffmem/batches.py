"""A long batch, a piece at a time."""

from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int


def in_pieces(function: Callable, most: int, constant, *queries):
    """`function(constant, *queries)` of a batch, at most `most` at a time; the last piece repeats the last query."""
    count = len(queries[0])
    if count <= most:
        return function(constant, *queries)
    size = even(count, most)
    pieces = -(-count // size)

    def in_rows(part):
        spare = jnp.broadcast_to(part[-1:], (pieces * size - count, *part.shape[1:]))
        full = jnp.concatenate([part, spare]) if len(spare) else part
        return full.reshape(pieces, size, *part.shape[1:])

    found = jax.lax.map(lambda rows: function(constant, *rows), [in_rows(part) for part in queries])
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:count], found)


def equal_batches(count: int, most: int) -> Iterator[tuple[Int[np.ndarray, "size"], int]]:
    """The indices of each batch, and how many of them are new: the last batch repeats the last index.

    All batches have one size, at most `most`, so that one compiled function serves them all.
    """
    size = min(count, most)
    for first in range(0, count, size):
        yield np.minimum(first + np.arange(size), count - 1), min(size, count - first)


def even(total: int, most: int, multiple: int = 1) -> int:
    """The size of equal parts that are no larger than `most`, rounded up to a multiple if there are several."""
    parts = -(-total // max(1, most))
    size = -(-total // parts)
    return size if parts == 1 else min(total, -(-size // multiple) * multiple)
