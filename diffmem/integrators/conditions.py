"""One condition for each sample: samples of equal conditions run together, and all in one compiled function."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Int, Shaped

from ..batches import equal_batches
from ..scores import AbstractScore

Conditional = Callable[[Array], AbstractScore]
"""`score(condition)`: the score given a condition."""


class Groups(NamedTuple):
    """The samples by condition."""

    conditions: Shaped[np.ndarray, "groups ..."]
    index: Int[np.ndarray, "groups size"]
    """Which samples have each condition; the last is repeated to equal length."""
    place: Int[np.ndarray, "count"]
    """Where each sample stands in the flat `index`."""


def checked_conditions(condition: Shaped[ArrayLike, "..."], count: int) -> Shaped[np.ndarray, "count ..."]:
    """The conditions as an array; raises ValueError unless there is one for each sample."""
    conditions = np.asarray(condition)
    if conditions.shape[:1] != (count,):
        raise ValueError(f"`condition` must be one for each of {count} samples, but has shape {conditions.shape}.")
    return conditions


def grouped(conditions: Shaped[np.ndarray, "count ..."]) -> Groups:
    """The samples of each distinct condition."""
    found, member = np.unique(conditions, axis=0, return_inverse=True)
    member = member.reshape(-1)
    sizes = np.bincount(member)
    order = np.argsort(member, kind="stable")
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    column = np.arange(sizes.max())
    index = order[first[:, None] + np.minimum(column, sizes[:, None] - 1)]
    place = np.empty(len(member), np.int64)
    place[order] = member[order] * len(column) + np.arange(len(member)) - first[member[order]]
    return Groups(found, index, place)


def in_groups(score: Conditional, groups: Groups, starts: Array | None, batch_size: int, run: Callable):
    """`run(score(condition), index, starts)` of each group, at most about `batch_size` samples at a time: the points
    and what was observed of them, in their own order.
    """
    width = max(1, batch_size // len(groups.conditions))
    pieces = []
    for column, keep in equal_batches(groups.index.shape[1], width):
        index = jnp.asarray(groups.index[:, column])
        begin = None if starts is None else starts[index]
        found = _over_groups(run, score, jnp.asarray(groups.conditions), index, begin)
        pieces.append(jax.tree.map(lambda leaf, keep=keep: leaf[:, :keep], found))
    joined = jax.tree.map(lambda *leaves: jnp.concatenate(leaves, axis=1), *pieces)
    points, seen = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[groups.place], joined)
    return points, jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, 1), seen)


@eqx.filter_jit
def _over_groups(run, score, conditions, index, starts):
    return jax.vmap(lambda condition, row, begin: run(score(condition), row, begin))(conditions, index, starts)
