"""The heaviest centres of a streamed pass, kept in a short buffer."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

SLOTS = 64
PIECE = 32  # logits of which only the largest is looked at first


class Leaders(NamedTuple):
    """Up to `SLOTS` centres with the largest logits seen; empty slots hold -inf."""

    logits: Float[Array, "slots"]
    index: Int[Array, "slots"]


def no_leaders(dtype) -> Leaders:
    """An empty buffer."""
    return Leaders(jnp.full(SLOTS, -jnp.inf, dtype), jnp.zeros(SLOTS, int))


def admit(leaders: Leaders, logits: Float[Array, "rows"], index: Int[Array, "rows"], threshold) -> Leaders:
    """The buffer after a chunk: maxima are extracted one by one while they beat both `threshold` and the last leader.

    Extraction stops at once for most chunks of a long stream, which is why it beats a sort of every chunk. The logits
    travel in the loop's carry: outside it the compiler may compute them a second time with another rounding.
    """
    rows = logits.size
    logits = jnp.pad(logits, (0, -rows % PIECE), constant_values=-jnp.inf).reshape(-1, PIECE)
    largest = jnp.max(logits, axis=1)

    def take(carry):
        leaders, logits, largest, _ = carry
        piece = jnp.argmax(largest)
        within = logits[piece]
        place = jnp.argmax(within)
        best = largest[piece]
        worthy = (best > jnp.min(leaders.logits)) & (best >= threshold)
        slot = jnp.argmin(leaders.logits)
        found = index[jnp.minimum(piece * PIECE + place, rows - 1)]
        taken = Leaders(leaders.logits.at[slot].set(best), leaders.index.at[slot].set(found))
        kept = jax.tree.map(lambda new, old: jnp.where(worthy, new, old), taken, leaders)
        within = within.at[place].set(-jnp.inf)
        return kept, logits.at[piece].set(within), largest.at[piece].set(jnp.max(within)), worthy

    start = leaders, logits, largest, jnp.asarray(True)
    return jax.lax.while_loop(lambda carry: carry[-1], take, start)[0]
