"""Is a sample an extracted training point? Its nearest point must be near in units of its neighbourhood."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ...annotations import Points
from ...checks import check_count
from ...representation import one_line
from ..neighbours import nearest


class AdaptiveDistance(NamedTuple):
    """The adaptive distance of each sample from its nearest training point."""

    distance: Float[np.ndarray, "count"]
    index: Int[np.ndarray, "count"]
    """Row of the nearest training point."""
    extracted: Bool[np.ndarray, "count"]
    """distance < 1."""

    __repr__ = one_line


def adaptive_distance(samples: Points, train: Points, neighbours: int = 50, share: float = 0.5) -> AdaptiveDistance:
    """`|x - y_(1)| / (share mean_{j <= neighbours} |x - y_(j)|)`, y_(j) the j-th nearest training point of a sample x.

    Below 1 a sample counts as extracted: its nearest training point is nearer than `share` of the mean distance of its
    nearest `neighbours`, the first included. Repeated training points are neighbours of their own and hide a copy:
    merge them first. `metrics.memorization` compares with the second neighbour only.

    Cost and accuracy: those of `metrics.nearest`. Raises ValueError for `share` outside (0, 1], fewer training points
    than neighbours, and as `nearest` does; a sample at distance 0 of all neighbours has distance NaN.
    Source: Carlini et al., arXiv:2301.13188, section 5.1, where `share` is alpha = .5.
    """
    check_count("neighbours", neighbours)
    if not 0 < share <= 1:
        raise ValueError(f"`share` must be above 0 and at most 1, but is {share}.")
    found = nearest(samples, train, k=neighbours)
    with np.errstate(invalid="ignore"):
        distance = found.distance[:, 0] / (share * found.distance.mean(axis=1))
    return AdaptiveDistance(distance, found.index[:, 0], distance < 1)
