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


def adaptive_distance(
    samples: Points, train: Points, neighbours: int = 50, share: float = 0.5, *, of_record: bool = False
) -> AdaptiveDistance:
    """`|x - y| / (share mean_j |x - y_j|)`: the distance of a sample x from its nearest training point y in units of a
    `share` of the mean distance of x from its nearest `neighbours` training points y_j, the first of them y itself.

    Below 1 a sample counts as extracted. With `of_record` the mean is that of the training point y over its own nearest
    `neighbours`, itself left out, so that noise on a copy does not widen the unit. Repeated training points are
    neighbours of their own and hide a copy: merge them first. `metrics.memorization` compares with the second neighbour
    only.

    Cost and accuracy: those of `metrics.nearest`. Raises ValueError for `share` outside (0, 1], fewer training points
    than neighbours, and as `nearest` does; where all neighbours are at distance 0 the result is NaN or infinite.
    Source: Carlini et al., arXiv:2301.13188, section 5.1, where `share` is alpha = .5.
    """
    check_count("neighbours", neighbours)
    if not 0 < share <= 1:
        raise ValueError(f"`share` must be above 0 and at most 1, but is {share}.")
    found = nearest(samples, train, k=1 if of_record else neighbours)
    index, around = found.index[:, 0], found.distance
    if of_record:
        matched, position = np.unique(index, return_inverse=True)
        around = nearest(np.asarray(train)[matched], train, k=neighbours + 1).distance[:, 1:][position]
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = found.distance[:, 0] / (share * around.mean(axis=1))
    return AdaptiveDistance(distance, index, distance < 1)
