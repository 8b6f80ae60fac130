"""Independent draws whose value depends on their index, never on how many there are."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import PRNGKeyArray

BLOCK = 256  # draws made at a time, always as many: rounding inside a product may depend on the size of its batch


def draw_each(draw: Callable, n: int, key: PRNGKeyArray):
    """`draw(fold_in(key, i))` for i < n, stacked in NumPy; a longer draw begins with a shorter one, bit for bit."""
    blocks = []
    for start in range(0, n, BLOCK):
        keys = jax.vmap(lambda i: jr.fold_in(key, i))(jnp.arange(start, start + BLOCK))
        blocks.append(jax.tree.map(np.asarray, jax.vmap(draw)(keys)))
    return jax.tree.map(lambda *parts: np.concatenate(parts)[:n], *blocks)
