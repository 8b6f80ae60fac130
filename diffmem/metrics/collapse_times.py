"""The time at which each trajectory of a batch collapses."""

import numpy as np
from jaxtyping import ArrayLike, Bool, Float

from ..annotations import Numbers


def collapse_times(times: Numbers, certain: Bool[ArrayLike, "..."]) -> Float[np.ndarray, "count"]:
    """For each trajectory the largest grid time from which on, towards the data, its final point is certain.

    `certain` is `Samples.observed.certain` of the observer `score.commitment`, shape (nodes, count), or any other
    condition of that shape; `times` is the grid, decreasing. NaN where the condition does not hold at the last time.
    The true time lies between this node and the one before. Raises ValueError unless the shapes agree.
    """
    times, certain = np.asarray(times, float), np.asarray(certain)
    if times.ndim != 1 or certain.ndim != 2 or len(times) != len(certain):
        raise ValueError(
            f"`certain` must have shape (nodes, count) with a row for each of the {times.size} times, but has shape "
            f"{certain.shape}."
        )
    # from the end: how many nodes in a row are certain
    lasting = np.cumprod(certain[::-1], axis=0).sum(axis=0)
    return np.where(lasting > 0, times[len(times) - np.maximum(lasting, 1)], np.nan)
