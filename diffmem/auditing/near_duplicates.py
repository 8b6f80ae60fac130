"""Duplicates and near-duplicates inside a set, in groups, and neighbours with the twins of the first set aside."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Real
from scipy.linalg import eigh
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from ..data.distinct import first_equal
from ..metrics import Neighbours
from ..metrics.neighbours.twins import CHANCE, RANKS, level_step
from .resumable import Queries, Work, search
from .sets.point_set import PointSet, blocks
from .variants import AS_IT_IS, Variant

FEWEST = 7  # neighbours from which a dimension is estimated
DIRECTIONS = 12  # principal directions in which near-duplicates are looked for first
DRAWN = 512  # points from which the directions are found, and the number of pairs is estimated
MOST_PAIRS = 2**24  # candidate pairs that are compared in all coordinates
GENEROUS = 2**41  # products of a search among all pairs that is made where directions do not tell points apart


class Closeness(NamedTuple):
    """When two training points count as twins of one another."""

    radius: float
    """Distance up to which they do, in the numbers of `PointSet.block`."""
    level: float
    """The step between the levels of images; points that differ by at most one anywhere are twins, too. 0: none."""
    spacing: float
    """Median distance of a training point from the nearest one that is no twin of it."""
    dimension: float
    """Local dimension of the training set, from the distances of its 6th and 12th neighbours."""

    def holds(
        self, first: Real[np.ndarray, "pairs d"], second: Real[np.ndarray, "pairs d"]
    ) -> Bool[np.ndarray, "pairs"]:
        """For which pairs of points."""
        apart = first.astype(np.float64) - second
        near = np.linalg.norm(apart, axis=1) <= self.radius
        return near | (np.abs(apart).max(axis=1) <= 1.001 * self.level) if self.level else near

    def reach(self, d: int) -> float:
        """A distance beyond which no twins are."""
        return max(self.radius, 1.001 * self.level * np.sqrt(d))


def closeness(train: PointSet, drawn: Queries, around: Neighbours, ratio: float, twins: float | None) -> Closeness:
    """When points are twins, from the distances r_1 <= r_2 <= ... of drawn training points to their nearest others.

        radius = s x spacing,   s = min(ratio, .001^(1/D)),   spacing = median of r_(m+1)

    where the first m of a point's neighbours are its twins: m is the last rank with r_m < s r_(m+1). So a twin would
    itself count as a copy, and of points scattered at random in D dimensions one in a thousand would have one; the rule
    is that of `metrics.memorization`, with one radius for the whole set, so that groups of twins are well defined.
    `twins` is s where it is given. Levels are those of `metrics.neighbours.twins.level_step`.
    """
    distance = around.distance[:, np.isfinite(around.distance).all(axis=0)]
    dimension = _dimension(distance)
    share = min(ratio, CHANCE ** (1 / dimension)) if twins is None else twins
    some = drawn.rows(slice(0, drawn.count), AS_IT_IS)
    level = level_step(some) or 0.0
    # a first radius of 0: only the levels count, and the gap
    close = Closeness(0.0, level, 0.0, dimension)
    near = distance[:, :-1] < share * distance[:, 1:]
    if level:
        for k in range(near.shape[1]):
            near[:, k] |= close.holds(some, train.block(around.index[:, k]))
    last = np.where(near.any(axis=1), near.shape[1] - near[:, ::-1].argmax(axis=1), 0) if near.size else 0
    spacing = float(np.median(distance[np.arange(len(distance)), last]))
    return Closeness(share * spacing, level, spacing, dimension)


def _dimension(distance) -> float:
    """D with `mean log(r_12/r_6) = (1/6 + ... + 1/11)/D`; 1 for fewer than 8 points."""
    far = min(RANKS[1], distance.shape[1])
    near = min(RANKS[0], (far + 1) // 2)
    if far < FEWEST:
        return 1.0
    usable = distance[:, near - 1] > 0
    if not usable.any():
        return 1.0
    logs = np.log(distance[usable, far - 1] / distance[usable, near - 1]).mean()
    return float(sum(1 / j for j in range(near, far)) / max(logs, 1e-3))


class Nearest(NamedTuple):
    """The nearest training point of each query, and the nearest that is no twin of it."""

    d1: Float[np.ndarray, "count"]
    d2: Float[np.ndarray, "count"]
    row: Int[np.ndarray, "count"]
    """The nearest row of the training set, its first occurrence where it is repeated."""
    d2_of_twins: Float[np.ndarray, "count"]
    """Distance to the nearest different point, twin or not."""

    @property
    def ratio(self) -> Float[np.ndarray, "count"]:
        """d1/d2; 1 where both are 0, or where no other point is left."""
        usable = (self.d2 > 0) & np.isfinite(self.d2)
        return np.where(usable, self.d1 / np.where(usable, self.d2, 1), 1.0)


class Against(NamedTuple):
    """A training set to look for neighbours in."""

    train: PointSet
    distinct: Int[np.ndarray, "m"]
    """Its rows that differ, each by its first occurrence."""
    close: Closeness
    """When two rows are twins."""
    work: Work

    @property
    def among(self) -> Int[np.ndarray, "m"] | None:
        """The rows that differ; None where all do."""
        return None if len(self.distinct) == self.train.n else self.distinct

    def search(self, queries: Queries, k: int, name: str, variant: Variant = AS_IT_IS) -> Neighbours:
        """The k nearest rows that differ."""
        return search(queries, self.train, k, self.work, name, among=self.among, variant=variant)

    def nearest(
        self, queries: Queries, name: str, variant: Variant = AS_IT_IS, found: Neighbours | None = None
    ) -> Nearest:
        """Distances to the nearest training point and to the nearest one that is no twin of it.

        Twins of a training point are twins of it as a whole, whatever the variant compares. The search looks at 2
        neighbours, or at those that were `found`, and at 8, 32, 128, ... for queries whose neighbours are all twins.
        """
        found = self.search(queries, 2, name, variant) if found is None else found
        row, d1, d2 = found.index[:, 0].copy(), found.distance[:, 0].copy(), np.full(queries.count, np.inf)
        of_twins = found.distance[:, 1].copy()
        left, k = np.arange(queries.count), 2
        while True:
            first = np.repeat(row[left], found.index.shape[1])
            twins = _are_twins(self.train, first, found.index.ravel(), self.close).reshape(found.index.shape)
            at = np.argmin(twins, axis=1)
            d2[left] = np.where(twins.all(axis=1), np.inf, found.distance[np.arange(len(left)), at])
            left = left[twins.all(axis=1)]
            if not len(left) or k >= len(self.distinct):
                return Nearest(d1, d2, row, of_twins)
            k = min(4 * k, len(self.distinct))
            found = self.search(queries.only(left), k, f"{name}-{k}", variant)


def _are_twins(points, first, second, close: Closeness) -> Bool[np.ndarray, "pairs"]:
    """Which rows of a set are twins of other rows; a missing row (-1) is no twin."""
    found = np.zeros(len(first), bool)
    stride = max(1, 2**22 // points.d)
    for start in range(0, len(first), stride):
        part = slice(start, start + stride)
        found[part] = close.holds(points.block(first[part]), points.block(second[part]))
    return found & (second >= 0)


class Groups(NamedTuple):
    """Which rows of a set are equal, and which are nearly so."""

    first: Int[np.ndarray, "n"]
    """For each row the first row that equals it."""
    component: Int[np.ndarray, "n"]
    """For each row the first row of its group: rows that are linked as twins."""
    searched: bool
    """Whether all rows were compared; otherwise groups are of equal rows only."""

    @property
    def distinct(self) -> Int[np.ndarray, "m"]:
        """The first occurrences."""
        return np.unique(self.first)

    def members(self, of: Int[np.ndarray, "n"]) -> list[Int[np.ndarray, "m"]]:
        """Groups of more than one row, largest first."""
        order = np.argsort(of, kind="stable")
        _, starts = np.unique(of[order], return_index=True)
        parts = [part for part in np.split(order, starts[1:]) if len(part) > 1]
        return sorted(parts, key=lambda part: (-len(part), part[0]))


def grouped(points: PointSet, close: Closeness, first: Int[np.ndarray, "n"], work: Work, seed: int) -> Groups:
    """Groups of rows that are linked as twins; `first` says which rows are equal.

    Orthogonal projections never lengthen a distance, so pairs within reach in all coordinates are among those within
    reach in the 12 principal directions, which a tree finds; these pairs are compared in full. Where the directions
    leave too many pairs, all rows are searched if that is affordable, and otherwise only equal rows are grouped.
    """
    distinct = np.unique(first)
    work.progress(0, 1, f"near-duplicates in {points.role}")
    pairs = _close_pairs(points, distinct, close, np.random.default_rng(seed))
    if pairs is None and len(distinct) ** 2 * points.d <= GENEROUS:
        pairs = _searched_pairs(points, distinct, close, work)
    if pairs is None:
        return Groups(first, first, False)
    component = _components(len(distinct), pairs)
    order = np.full(component.max() + 1, len(distinct))
    np.minimum.at(order, component, np.arange(len(distinct)))
    representative = distinct[order[component]]
    return Groups(first, representative[np.searchsorted(distinct, first)], True)


def equal_rows(points: PointSet) -> Int[np.ndarray, "n"]:
    """For each row the first row that equals it."""
    return first_equal(points.flat)


def _close_pairs(points, distinct, close, rng):
    """Pairs of positions in `distinct` that are twins; None where the directions leave too many candidates."""
    if len(distinct) < 2:
        return np.empty((0, 2), int)
    projected, error = _projected(points, distinct, rng)
    reach = close.reach(points.d) + error
    tree = cKDTree(projected)
    drawn = rng.choice(len(distinct), min(DRAWN, len(distinct)), replace=False)
    # the tree counts a point as its own neighbour
    counts = tree.query_ball_point(projected[drawn], reach, return_length=True) - 1
    if counts.mean() * len(distinct) > 2 * MOST_PAIRS:
        return None
    pairs = tree.query_pairs(reach, output_type="ndarray")
    found = [np.empty((0, 2), int)]
    stride = max(1, 2**22 // points.d)
    for start in range(0, len(pairs), stride):
        part = pairs[start : start + stride]
        found.append(part[_are_twins(points, *distinct[part].T, close)])
    return np.concatenate(found)


def _projected(points, distinct, rng):
    """The rows in their leading principal directions, and a bound on what rounding adds to a distance."""
    drawn = np.sort(rng.choice(distinct, min(DRAWN, len(distinct)), replace=False))
    some = points.block(drawn).astype(np.float64)
    centre = some.mean(axis=0)
    some -= centre
    most = min(DIRECTIONS, *some.shape)
    _, leading = eigh(some @ some.T, subset_by_index=(len(some) - most, len(some) - 1))
    # orthogonal whatever the eigenvectors are worth, so that no distance grows
    directions, _ = np.linalg.qr(some.T @ leading)
    found, largest = np.empty((len(distinct), directions.shape[1])), 0.0
    for part in blocks(points.rows):
        here = slice(*np.searchsorted(distinct, (part.start, part.stop)))
        for rows in np.array_split(distinct[here], max(1, (here.stop - here.start) // 2048)):
            centred = points.block(rows).astype(np.float64) - centre
            at = slice(*np.searchsorted(distinct, (rows[0], rows[-1] + 1))) if len(rows) else slice(0, 0)
            found[at] = centred @ directions
            largest = max(largest, float(np.abs(centred).max(initial=0)))
    return found, 64 * points.d * np.finfo(np.float64).eps * largest


def _searched_pairs(points, distinct, close, work):
    """Pairs of twins, each row with up to 4 others."""
    against = Against(points, distinct, close, work)
    found = against.search(Queries(points, distinct, among_themselves=True), 4, f"twins-{points.role}")
    rows, columns = np.nonzero(found.distance <= close.reach(points.d))
    others = found.index[rows, columns]
    twins = _are_twins(points, distinct[rows], others, close)
    return np.stack([rows, np.searchsorted(distinct, others)], axis=1)[twins]


def _components(n, pairs):
    links = coo_array((np.ones(len(pairs), bool), tuple(pairs.T)), shape=(n, n))
    return connected_components(links, directed=False)[1]
