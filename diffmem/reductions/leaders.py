"""The heaviest centres of a streamed pass, kept in a short buffer."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

SLOTS = 64
PIECE = 32  # logits of which only the largest is looked at first


class Leaders(NamedTuple):
    """For each query of a batch up to `SLOTS` centres with the largest logits seen; empty slots hold -inf."""

    logits: Float[Array, "*batch slots"]
    index: Int[Array, "*batch slots"]


def no_leaders(batch: int, dtype) -> Leaders:
    """Empty buffers."""
    return Leaders(jnp.full((batch, SLOTS), -jnp.inf, dtype), jnp.zeros((batch, SLOTS), int))


def admit(leaders: Leaders, logits: Float[Array, "batch rows"], index: Int[Array, "rows"], threshold) -> Leaders:
    """The buffers after a chunk: maxima are extracted one by one while they beat both `threshold` and the last leader.

    Extraction stops at once for most chunks of a long stream, which is why it beats a sort of every chunk. The logits
    travel in the loop's carry: outside it the compiler may compute them a second time with another rounding. The loop
    is written for the batch, since a vmapped loop would copy all logits in each round; what it compares has the queries
    last, since maxima over a last axis are found one number after the other.
    """
    batch, rows = logits.shape
    size = PIECE * max(1, math.isqrt(rows) // PIECE)
    logits = jnp.pad(logits, ((0, 0), (0, -rows % size)), constant_values=-jnp.inf).reshape(batch, -1, size)
    each = jnp.arange(batch)

    def take(carry):
        slots, numbers, logits, largest, wanted = carry
        best = jnp.max(largest, axis=0)
        piece = _place(largest, best)
        within = logits[each, piece].T
        place = _place(within, best)
        # a query that is done takes nothing out: its maximum stays where it is
        within = _put(within, place, jnp.where(wanted, -jnp.inf, best))
        slot = jnp.where(wanted, _place(slots, jnp.min(slots, axis=0)), SLOTS)
        slots = _put(slots, slot, best)
        numbers = _put(numbers, slot, index[jnp.minimum(piece * size + place, rows - 1)])
        logits = logits.at[each, piece].set(within.T)
        largest = _put(largest, piece, jnp.max(within, axis=0))
        return slots, numbers, logits, largest, worthy(slots, largest)

    def worthy(slots, largest):
        best = jnp.max(largest, axis=0)
        return (best > jnp.min(slots, axis=0)) & (best >= threshold)

    slots, largest = leaders.logits.T, jnp.max(logits, axis=2).T
    start = slots, leaders.index.T, logits, largest, worthy(slots, largest)
    slots, numbers, *_ = jax.lax.while_loop(lambda carry: jnp.any(carry[-1]), take, start)
    return Leaders(slots.T, numbers.T)


def _place(values: Float[Array, "places batch"], wanted: Float[Array, "batch"]) -> Int[Array, "batch"]:
    """The first place of each query's wanted value."""
    places = jnp.arange(len(values))[:, None]
    return jnp.min(jnp.where(values == wanted[None], places, len(values) - 1), axis=0)


def _put(values: Array, place: Int[Array, "batch"], value: Array) -> Array:
    """The values with one of each query replaced, none where its place is beyond the last."""
    return jnp.where(jnp.arange(len(values))[:, None] == place[None], value[None], values)
