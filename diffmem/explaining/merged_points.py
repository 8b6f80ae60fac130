"""Data as distinct points: equal rows and near-duplicates count once."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from ..auditing.duplicate_groups import Groups, equal_rows, grouped
from ..auditing.near_duplicates import RANKS, Against, Closeness, closeness
from ..auditing.resumable import Queries, Work
from ..auditing.sets import PointSet

DRAWN = 500  # points from which it is found how near twins are
RATIO = 1 / 3  # as in the d1/d2 rule: a twin is nearer than this share of the next distance
UNMERGED = Closeness(0.0, 0.0, 0.0, 0.0, 0.0, 1.0)


class Distinct(NamedTuple):
    """The data as distinct points: equal rows, and near-duplicates, count once."""

    groups: Groups
    close: Closeness
    rows: Int[np.ndarray, "m"]
    """The first row of each group."""

    @property
    def repeats(self) -> Int[np.ndarray, "m"]:
        """Rows of each group."""
        return np.bincount(self.groups.component)[self.rows]


def distinct_points(points: PointSet, work: Work, seed: int) -> Distinct:
    """Equal rows and near-duplicates, by the rule of an audit: `auditing.near_duplicates.closeness`.

    So near-duplicates of a point are found which are nearer to it than a third of the distance to the next: up to 11,
    or up to 767 where they are also nearer than a third of the median distance of neighbours.

    Raises ValueError for fewer than 3 distinct points.
    """
    first = equal_rows(points)
    rows = np.unique(first)
    if len(rows) < 3:
        raise ValueError(f"`points` must hold at least 3 distinct points, but hold {len(rows)} among {points.n}.")
    rng = np.random.default_rng(seed)
    drawn = Queries(points, np.sort(rng.choice(rows, min(DRAWN, len(rows)), replace=False)), True)
    around = Against(points, rows, UNMERGED, work).search(drawn, RANKS[1], "neighbours")
    close = closeness(points, drawn, around, RATIO, None)
    groups = grouped(points, close, first, work, seed)
    kept = np.unique(groups.component)
    if len(kept) < 3:  # all are twins of one another: no rule tells, so that only equal ones count as one
        groups, kept = groups._replace(component=first), rows
    return Distinct(groups, close, kept)
