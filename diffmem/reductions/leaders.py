"""The heaviest centres of a streamed pass, kept in a short buffer."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

SLOTS = 64


class Leaders(NamedTuple):
    """Up to `SLOTS` centres with the largest logits seen; empty slots hold -inf."""

    logits: Float[Array, "slots"]
    index: Int[Array, "slots"]


def no_leaders(dtype) -> Leaders:
    """An empty buffer."""
    return Leaders(jnp.full(SLOTS, -jnp.inf, dtype), jnp.zeros(SLOTS, int))


def admit(leaders: Leaders, logits: Float[Array, "rows"], index: Int[Array, "rows"], threshold) -> Leaders:
    """The buffer after a chunk: maxima are extracted one by one while they beat both `threshold` and the last leader.

    Extraction stops at once for most chunks of a long stream, which is why it beats a sort of every chunk. What was
    taken is everything before (last logit, last position) in decreasing order. The logits travel in the loop's carry:
    outside it the compiler may compute them a second time with another rounding, and would not recognise them.
    """
    position = jnp.arange(logits.size)

    def take(carry):
        leaders, logits, last, last_position, _ = carry
        left = (logits < last) | ((logits == last) & (position > last_position))
        best = jnp.max(jnp.where(left, logits, -jnp.inf))
        where = jnp.min(jnp.where(left & (logits == best), position, logits.size - 1))
        worthy = (best > jnp.min(leaders.logits)) & (best >= threshold)
        slot = jnp.argmin(leaders.logits)
        taken = Leaders(leaders.logits.at[slot].set(best), leaders.index.at[slot].set(index[where]))
        kept = jax.tree.map(lambda new, old: jnp.where(worthy, new, old), taken, leaders)
        return kept, logits, best, where, worthy

    start = leaders, logits, jnp.asarray(jnp.inf, logits.dtype), jnp.asarray(-1), jnp.asarray(True)
    return jax.lax.while_loop(lambda carry: carry[-1], take, start)[0]
