"""How many samples of each class are copies."""

from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Bool, Float, Int

from ..dataframe import rows_as_dataframe
from ..representation import one_line
from .proportion import wilson


class CopiesByLabel(NamedTuple):
    """Copies among the samples of each label, in ascending order of the labels."""

    label: Int[np.ndarray, "labels"]
    count: Int[np.ndarray, "labels"]
    """Number of samples."""
    copied: Int[np.ndarray, "labels"]
    """Number of copies among them."""
    fraction: Float[np.ndarray, "labels"]
    low: Float[np.ndarray, "labels"]
    """Lower end of the 95 % Wilson interval of the fraction."""
    high: Float[np.ndarray, "labels"]
    """Upper end."""

    to_dataframe = rows_as_dataframe
    __repr__ = one_line


def copies_by_label(copied: Bool[np.ndarray, "count"], labels: Int[ArrayLike, "count"]) -> CopiesByLabel:
    """The copies among the samples of each label."""
    label, place, count = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    found = np.bincount(place, weights=copied, minlength=len(label)).astype(np.int64)
    ends = np.array([wilson(int(some), int(all_)) for some, all_ in zip(found, count)])
    return CopiesByLabel(label, count, found, found / count, ends[:, 0], ends[:, 1])
