"""Reductions that decide for a whole batch of queries at once."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

PARTS = 4  # where few of a batch need work, this fraction of it is done at a time


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


def redone(needy: Bool[Array, "batch"], work: Callable, found):
    """`found`, with the entries of needy queries replaced by `work(indices)`, at a cost that follows their number.

    More than half of the batch: all of it at once. Fewer: a quarter of the batch at a time, until none is left.
    """
    batch = needy.shape[0]
    size = max(1, batch // PARTS)
    count = jnp.sum(needy)

    def select(new, old):
        return jnp.where(needy.reshape(batch, *[1] * (new.ndim - 1)), new, old)

    def everything():
        return jax.tree.map(select, work(jnp.arange(batch)), found)

    def in_turn():
        order = jnp.argsort(~needy, stable=True)

        def part(carry):
            first, out = carry
            # the last part may take more than is needy: those are done again and come out the same or better
            index = jax.lax.dynamic_slice_in_dim(order, jnp.minimum(first, batch - size), size)
            out = jax.tree.map(lambda leaf, new: leaf.at[index].set(new), out, work(index))
            return first + size, out

        return jax.lax.while_loop(lambda carry: carry[0] < count, part, (jnp.zeros_like(count), found))[1]

    if size == batch:
        return jax.lax.cond(count > 0, everything, lambda: found)
    case = jnp.sum(count > jnp.asarray([0, batch // 2]))
    return jax.lax.switch(case, [lambda: found, in_turn, everything])
