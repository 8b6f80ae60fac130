"""Data as distinct points: equal rows and near-duplicates count once."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..auditing.near_duplicates import RANKS, Against, Closeness, Groups, closeness, equal_rows, grouped
from ..auditing.resumable import Queries, Work
from ..auditing.sets import PointSet
from ..metrics import nearest

DRAWN = 500  # points from which it is found how near twins are
RATIO = 1 / 3  # as in the d1/d2 rule: a twin is nearer than this share of the next distance
MOST = 64  # near-duplicates of one point
FEW, POWER = 10, 3  # up to so many need a gap of s, more of them one of s^3: so dense is no class
UNMERGED = Closeness(0.0, 0.0, 0.0, 1.0)


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
    """Equal rows and near-duplicates: those found by an audit, if they also stand apart from all others.

    An audit calls points twins that are near in comparison with the whole set. Here points of a dense class must not be
    merged, so that twins of a point are also the first m of its neighbours, at distances r_1 <= r_2 <= ..., with
    r_m < s r_(m+1), m the largest such rank up to 10 and s the share of `auditing.near_duplicates.closeness`, or up to
    64 with s^3 in place of s; or differ from it by at most one level of an image.

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
    groups = _apart(points, rows, grouped(points, close, first, work, seed), close)
    kept = np.unique(groups.component)
    if len(kept) < 3:  # all are twins of one another: no rule tells, so that only equal ones count as one
        groups, kept = groups._replace(component=first), rows
    return Distinct(groups, close, kept)


def _apart(points: PointSet, rows: Int[np.ndarray, "m"], groups: Groups, close: Closeness) -> Groups:
    """The groups with the links alone that hold for both of their ends."""
    sizes = np.bincount(groups.component[rows], minlength=points.n)
    own = np.flatnonzero(sizes[groups.component[rows]] > 1)  # positions in `rows`
    if not own.size:
        return groups
    count = int(min(sizes.max() + 1, MOST + 1, len(rows) - 1))
    flat = points.block(rows)
    found = nearest(flat[own], flat, count + 1)
    themselves = found.index == own[:, None]
    # equal rows are merged before, so that each point finds itself first
    distance = np.where(themselves, 0.0, found.distance)
    limit = _limits(distance[:, 1:], close.radius / close.spacing if close.spacing else RATIO)
    limits = np.zeros(len(rows))
    limits[own] = limit
    start, at = np.nonzero(~themselves)
    i, j, apart = own[start], found.index[start, at], distance[start, at]
    linked = (apart <= limits[i]) & (apart <= limits[j])
    if close.level:
        linked |= close._replace(radius=0.0).holds(flat[i], flat[j])
    links = coo_array((np.ones(int(linked.sum()), bool), (i[linked], j[linked])), shape=(len(rows),) * 2)
    component = connected_components(links, directed=False)[1]
    leader = np.full(component.max() + 1, len(rows))
    np.minimum.at(leader, component, np.arange(len(rows)))
    return groups._replace(component=rows[leader[component]][np.searchsorted(rows, groups.first)])


def _limits(distance: Float[np.ndarray, "m ranks"], share: float) -> Float[np.ndarray, "m"]:
    """The distance of the last neighbour before a gap; 0 where there is none."""
    shares = np.where(np.arange(distance.shape[1] - 1) < FEW, share, share**POWER)
    near = distance[:, :-1] < shares * distance[:, 1:]
    last = near.shape[1] - 1 - near[:, ::-1].argmax(axis=1)
    return np.where(near.any(axis=1), distance[np.arange(len(distance)), last], 0.0)
