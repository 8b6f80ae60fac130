"""Independent draws, each of which depends on its index but not on how many are drawn."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float, Int

from ..annotations import RandomKey

BLOCK = 256  # draws at a time; always as many, since rounding in a matrix product may depend on its size


def indexed_normals(
    key: RandomKey, index: Int[Array, "count"], shape: tuple[int, ...], dtype
) -> Float[Array, "count *shape"]:
    """A standard normal array of this shape for each index; number i depends on key and i only."""
    return jax.vmap(lambda i: jr.normal(jr.fold_in(key, i), shape, dtype))(index)


def draw_each(draw: Callable, n: int, key: RandomKey):
    """`draw(fold_in(key, i))` for i < n, stacked in NumPy; a longer draw begins with a shorter one, bit for bit."""
    blocks = []
    for start in range(0, n, BLOCK):
        keys = jax.vmap(lambda i: jr.fold_in(key, i))(jnp.arange(start, start + BLOCK))
        blocks.append(jax.tree.map(np.asarray, jax.vmap(draw)(keys)))
    return jax.tree.map(lambda *parts: np.concatenate(parts)[:n], *blocks)
