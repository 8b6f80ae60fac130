"""Is a sample an extracted training point? Its nearest point must be near in units of its neighbourhood."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ...annotations import Points
from ...checks import check_count
from ...data.distinct import first_equal
from ...dataframe import rows_as_dataframe
from ...representation import one_line
from ..neighbours import nearest
from ..neighbours.rows import as_row_pair
from ..neighbours.twins import neighbours_beyond, twin_distances


class AdaptiveDistance(NamedTuple):
    """The adaptive distance of each sample from its nearest training point."""

    distance: Float[np.ndarray, "count"]
    index: Int[np.ndarray, "count"]
    """Row of the nearest training point."""
    extracted: Bool[np.ndarray, "count"]
    """distance < 1."""

    to_dataframe = rows_as_dataframe
    __repr__ = one_line


def adaptive_distance(
    samples: Points,
    train: Points,
    neighbours: int = 50,
    share: float = 0.5,
    *,
    of_record: bool = False,
    twins: float | None = None,
) -> AdaptiveDistance:
    """`|x - y| / (share mean_j |x - y_j|)`: the distance of a sample x from its nearest training point y in units of a
    `share` of the mean distance of x from its nearest `neighbours` training points y_j, the first of them y itself.

    Below 1 a sample counts as extracted. With `of_record` the mean is that of the training point y over its own nearest
    `neighbours`, itself left out, so that noise on a copy does not widen the unit. Equal training points count as one,
    and near twins of y are left out of the mean, since otherwise repetitions would hide a copy: `twins` is the distance
    from y up to which they are twins, by default found by the rule of `metrics.memorization`, which compares with the
    second neighbour only.

    Cost and accuracy: those of `metrics.nearest`, twice. Raises ValueError for `share` outside (0, 1], fewer distinct
    training points that are no twins than neighbours, and as `nearest` does.
    Source: Carlini et al., arXiv:2301.13188, section 5.1, where `share` is alpha = .5.
    """
    check_count("neighbours", neighbours)
    if not 0 < share <= 1:
        raise ValueError(f"`share` must be above 0 and at most 1, but is {share}.")
    queries, points = as_row_pair(samples, train, ("samples", "train"))
    first = np.unique(first_equal(points))
    distinct = points if len(first) == len(points) else points[first]
    distance, index = nearest(queries, distinct)
    nearest_one = index[:, 0]
    reach = twin_distances(distinct, nearest_one) if twins is None else np.full(len(queries), float(twins))
    centres = distinct[nearest_one] if of_record else queries
    around, _ = neighbours_beyond(centres, distinct, nearest_one, reach, neighbours if of_record else neighbours - 1)
    total = around.sum(axis=1) if of_record else distance[:, 0] + around.sum(axis=1)
    # a copy has the distance 0, also where it is its only neighbour
    relative = distance[:, 0] / np.where(distance[:, 0] > 0, share * total / neighbours, 1)
    return AdaptiveDistance(relative, first[nearest_one], relative < 1)
