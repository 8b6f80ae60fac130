"""The heaviest centres of a streamed pass, kept in a short buffer."""

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
    is written for the batch, since a vmapped loop would copy all logits in each round.
    """
    batch, rows = logits.shape
    logits = jnp.pad(logits, ((0, 0), (0, -rows % PIECE)), constant_values=-jnp.inf).reshape(batch, -1, PIECE)
    largest = jnp.max(logits, axis=2)
    each = jnp.arange(batch)

    def worthy(leaders, largest):
        best = jnp.max(largest, axis=1)
        return (best > jnp.min(leaders.logits, axis=1)) & (best >= threshold)

    def take(carry):
        leaders, logits, largest = carry
        wanted = worthy(leaders, largest)
        piece = jnp.argmax(largest, axis=1)
        within = logits[each, piece]
        place = jnp.argmax(within, axis=1)
        slot = jnp.argmin(leaders.logits, axis=1)
        best = jnp.where(wanted, largest[each, piece], leaders.logits[each, slot])
        found = jnp.where(wanted, index[jnp.minimum(piece * PIECE + place, rows - 1)], leaders.index[each, slot])
        # a query that is done takes nothing out: its maximum stays where it is
        within = within.at[each, place].set(jnp.where(wanted, -jnp.inf, within[each, place]))
        return (
            Leaders(leaders.logits.at[each, slot].set(best), leaders.index.at[each, slot].set(found)),
            logits.at[each, piece].set(within),
            largest.at[each, piece].set(jnp.max(within, axis=1)),
        )

    return jax.lax.while_loop(lambda carry: jnp.any(worthy(carry[0], carry[2])), take, (leaders, logits, largest))[0]
