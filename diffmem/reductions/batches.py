"""A long batch, a piece at a time."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from .plan import even


def in_pieces(function: Callable, most: int, constant, *queries):
    """`function(constant, *queries)` of a batch, at most `most` at a time; the last piece repeats the last query.

    What has one entry for the whole batch is handed to each piece as it is.
    """
    count = len(queries[0])
    if count <= most:
        return function(constant, *queries)
    size = even(count, most)
    pieces = -(-count // size)
    index = jnp.minimum(jax.lax.iota(jnp.int32, pieces * size), count - 1).reshape(pieces, size)
    piece = lambda i: [part[i] if len(part) == count else part for part in queries]  # noqa: E731
    found = jax.lax.map(lambda i: function(constant, *piece(i)), index)
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:count], found)
