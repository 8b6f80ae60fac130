"""How many samples match a training point, and how many different ones they match."""

from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Int, Real

from ...representation import one_line
from ..proportion import Interval, wilson


class MatchRates(NamedTuple):
    """Shares of samples in a band of similarity."""

    ams: float
    """Average match: share of the samples whose similarity to their nearest training point is in the band."""
    ums: float
    """Unique match: number of different training points that these samples match, over the number of samples."""
    ams_interval: Interval
    """95 % Wilson interval of `ams`."""

    __repr__ = one_line


def match_rates(
    similarity: Real[ArrayLike, " count"], index: Int[ArrayLike, " matches"], low: float, high: float
) -> MatchRates:
    """AMS and UMS of samples with `low <= similarity <= high`.

    `similarity` is that of each sample to its nearest training point, `index` the row of this point; a distance serves
    as well. UMS falls with the number of samples, so that only equal budgets compare. Raises ValueError for no samples,
    lists of different lengths and `low` above `high`. Source: Chen et al., arXiv:2410.02467.
    """
    similarity, index = np.asarray(similarity, np.float64), np.asarray(index)
    if not similarity.size or similarity.shape != index.shape:
        raise ValueError(f"`index` must have the shape of `similarity`, but they are {index.shape, similarity.shape}.")
    if not low <= high:
        raise ValueError(f"`high` must be at least `low`, but they are {high} and {low}.")
    inside = (similarity >= low) & (similarity <= high)
    matched, count = int(inside.sum()), similarity.size
    return MatchRates(matched / count, len(np.unique(index[inside])) / count, wilson(matched, count))
