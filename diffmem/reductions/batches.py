"""Reductions that decide for a whole batch of queries at once."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

MOST = 4096  # queries at once: more are done in turn, which bounds the memory


def alone(function: Callable, centres, x, alpha, sigma):
    """`function` of a batch of queries at a single one; under vmap the batch is as long as the vmap."""
    out = lengthened_by_vmap(function)(centres, x[None], alpha[None], sigma[None])
    return jax.tree.map(lambda leaf: leaf[0], out)


def in_pieces(function: Callable, most: int, centres, *queries):
    """`function` of a batch of queries, at most `most` at a time; the last piece repeats the last query."""
    count = len(queries[0])
    if count <= most:
        return function(centres, *queries)
    pieces = -(-count // most)
    index = jnp.minimum(jnp.arange(pieces * most), count - 1).reshape(pieces, most)
    found = jax.lax.map(lambda i: function(centres, *(part[i] for part in queries)), index)
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:count], found)


def lengthened_by_vmap(function: Callable) -> Callable:
    """`function(centres, x, alpha, sigma)` of a batch of queries, for which vmap makes the batch longer.

    Under a plain vmap every conditional on the batch would run all its branches. Queries of different centres are
    done in turn.
    """
    whole = jax.custom_batching.custom_vmap(function)

    @whole.def_vmap
    def _(size, batched, centres, *queries):
        if any(jax.tree.leaves(batched[0])):

            def one(i):
                picked = jax.tree.map(lambda leaf, many: leaf[i] if many else leaf, (centres, *queries), tuple(batched))
                return whole(*picked)

            out = jax.lax.map(one, jnp.arange(size))
        else:
            full = [
                part if many else jnp.broadcast_to(part, (size, *part.shape))
                for part, many in zip(queries, batched[1:])
            ]
            length = full[0].shape[1]
            out = whole(centres, *(part.reshape(size * length, *part.shape[2:]) for part in full))
            out = jax.tree.map(lambda leaf: leaf.reshape(size, length, *leaf.shape[1:]), out)
        return out, jax.tree.map(lambda _: True, out)

    return whole
