"""Training sets in which some points are repeated, the usual cause of memorization."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from .dataset import Dataset, check_size


class Duplicated(NamedTuple):
    """A training set with copies, and its parts without them."""

    train: Dataset
    """Each repeated point `copies` times, one after the other, then the unique ones."""
    repeated: Dataset
    unique: Dataset
    held_out: Dataset
    """The rest of the data."""


def duplicated(dataset: Dataset, repeated: int, copies: int, unique: int, *, key: PRNGKeyArray) -> Duplicated:
    """A random training set of `repeated` points, each `copies` times, and `unique` others once; the rest is held out.

    Raises ValueError for numbers below 1 and where nothing is left to hold out.
    """
    for name, size in {"repeated": repeated, "copies": copies, "unique": unique}.items():
        check_size(name, size)
    if repeated + unique >= dataset.n:
        raise ValueError(
            f"`repeated` and `unique` must leave some of the {dataset.n} points in {dataset.name}, "
            f"but are {repeated} and {unique}."
        )
    order = np.asarray(jax.random.permutation(key, dataset.n))
    often, once, rest = np.split(order, [repeated, repeated + unique])
    train = dataset.subset(np.concatenate([np.repeat(often, copies), once]))
    return Duplicated(train, *(dataset.subset(index) for index in (often, once, rest)))
