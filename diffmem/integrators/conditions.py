"""One condition for each sample: samples of equal conditions run together, and all in one compiled function."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, ArrayLike, Int, Shaped

from ..scores import AbstractScore

Conditional = Callable[[Array], AbstractScore]
"""`score(condition)`: the score given a condition."""


class Groups(NamedTuple):
    """The samples by condition."""

    conditions: Shaped[np.ndarray, "groups ..."]
    index: Int[np.ndarray, "size groups"]
    """Which samples have each condition; the last is repeated to equal length."""
    place: Int[np.ndarray, "count"]
    """Where each sample stands in the flat `index`."""


def grouped(condition: Shaped[ArrayLike, "..."], count: int) -> Groups:
    """The samples of each distinct condition; raises ValueError unless there is one for each sample."""
    conditions = np.asarray(condition)
    if conditions.shape[:1] != (count,):
        raise ValueError(f"`condition` must be one for each of {count} samples, but has shape {conditions.shape}.")
    found, member = np.unique(conditions, axis=0, return_inverse=True)
    member = member.reshape(-1)
    sizes = np.bincount(member)
    first = np.cumsum(sizes) - sizes
    order = np.argsort(member, kind="stable")
    index = order[first + np.minimum(np.arange(sizes.max())[:, None], sizes - 1)]
    row = np.argsort(order) - first[member]
    return Groups(found, index, row * len(found) + member)
