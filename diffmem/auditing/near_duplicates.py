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
MOST_PAIRS = 2**22  # candidate pairs that are compared in all coordinates
GENEROUS = 2**41  # products of a search for the twins of candidates
FAR = 0.95  # quantile of the distances of neighbours, beyond whose share no twins are looked for
ROUNDING = 1 + 1e-9  # of distances that were computed in two ways


class Closeness(NamedTuple):
    """When two training points count as twins of one another; distances in the numbers of `PointSet.block`."""

    share: float
    """Twins are nearer than this share of the distance to the next point."""
    reach: float
    """Distance beyond which no twins are looked for."""
    fixed: float | None
    """Distance up to which points are twins, where it was given."""
    level: float
    """The step between the levels of images; points that differ by at most one anywhere are twins, too. 0: none."""
    spacing: float
    """Median distance of a training point from the nearest one that is no twin of it."""
    dimension: float
    """Local dimension of the training set, from the distances of its 6th and 12th neighbours."""

    def one_level(self, first: Real[np.ndarray, "m d"], second: Real[np.ndarray, "m d"]) -> Bool[np.ndarray, "m"]:
        """Which pairs of points differ by at most one level anywhere."""
        apart = np.abs(first.astype(np.float64) - second).max(axis=1)
        return (apart <= 1.001 * self.level) & (self.level > 0)

    def twin_distances(
        self, points: PointSet, rows: Int[np.ndarray, "m"], around: Neighbours
    ) -> tuple[Float[np.ndarray, "m"], Int[np.ndarray, "m"]]:
        """The distance of the farthest twin of some rows, 0 where there is none, and how many twins each has.

        `around` are the nearest others, r_1 <= r_2 <= ...; the twins are the first m of them, m the last rank with

            r_m < share r_(m+1)    or, for images, at most one level between the points in every coordinate.
        """
        distance = around.distance
        if self.fixed is not None:
            return np.full(len(rows), self.fixed), (distance <= self.fixed).sum(axis=1)
        near = distance[:, :-1] < self.share * np.where(np.isfinite(distance[:, 1:]), distance[:, 1:], 0)
        if self.level:
            own = points.block(rows)
            for k in range(near.shape[1]):
                near[:, k] |= self.one_level(own, points.block(around.index[:, k])) & (around.index[:, k] >= 0)
        ranks = np.where(near.any(axis=1), near.shape[1] - near[:, ::-1].argmax(axis=1), 0) if near.size else 0
        ranks = np.broadcast_to(ranks, len(rows)).astype(int)
        farthest = np.where(ranks > 0, distance[np.arange(len(rows)), np.maximum(ranks - 1, 0)], 0.0)
        return farthest * ROUNDING, ranks


def closeness(train: PointSet, drawn: Queries, around: Neighbours, ratio: float, twins: float | None) -> Closeness:
    """When points are twins, from the distances r_1 <= r_2 <= ... of drawn training points to their nearest others.

    The rule is that of `metrics.memorization`: the first m neighbours of a point are its twins if r_m < s r_(m+1), with

        s = min(ratio, .001^(1/D)),

    so that a twin would itself count as a copy, and of points scattered at random in D dimensions one in a thousand
    would have one; or if they differ by at most one level anywhere, for images. So twins are told from their
    surroundings: photographs of a plain sky are near to each other and no twins. With `twins` they are all points
    within that share of the median distance of neighbours.
    """
    whole = np.isfinite(around.distance).all(axis=0)
    around = Neighbours(around.distance[:, whole], around.index[:, whole])
    dimension = _dimension(around.distance)
    some = drawn.rows(slice(0, drawn.count), AS_IT_IS)
    level = level_step(some) or 0.0
    close = Closeness(min(ratio, CHANCE ** (1 / dimension)), 0.0, None, level, 0.0, dimension)
    rows = np.arange(drawn.count) if drawn.index is None else drawn.index
    _, ranks = close.twin_distances(train, rows, around)
    next_ = around.distance[np.arange(len(rows)), np.minimum(ranks, around.distance.shape[1] - 1)]
    spacing, far = float(np.median(next_)), float(np.quantile(next_, FAR))
    fixed = None if twins is None else twins * spacing
    reach = max(close.share * far, 1.001 * level * np.sqrt(train.d)) if fixed is None else fixed
    return close._replace(reach=float(reach), fixed=fixed, spacing=spacing)


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

        Twins of a training point are twins of it as a whole, whatever the variant compares. They are looked for where
        the two nearest points, or those that were `found`, are near to each other; where all are twins, the search
        looks at 8, 32, 128, ... neighbours.
        """
        found = self.search(queries, 2, name, variant) if found is None else found
        row, d1, d2 = found.index[:, 0].copy(), found.distance[:, 0].copy(), np.full(queries.count, np.inf)
        of_twins, second = found.distance[:, 1].copy(), found.index[:, 1]
        limit = np.zeros(queries.count)
        open_ = np.flatnonzero((_pair_distances(self.train, row, second) <= self.close.reach) & (second >= 0))
        limit[open_] = self.twin_distances(row[open_], f"{name}-twins")
        left, k = np.arange(queries.count), 2
        while True:
            shape = found.index.shape
            first = np.repeat(row[left], shape[1])
            apart = _pair_distances(self.train, first, found.index.ravel()).reshape(shape)
            twins = (apart <= limit[left, None]) & (found.index >= 0)
            d2[left] = np.where(
                twins.all(axis=1), np.inf, found.distance[np.arange(len(left)), np.argmin(twins, axis=1)]
            )
            left = left[twins.all(axis=1)]
            if not len(left) or k >= len(self.distinct):
                return Nearest(d1, d2, row, of_twins)
            k = min(4 * k, len(self.distinct))
            found = self.search(queries.only(left), k, f"{name}-{k}", variant)

    def twin_distances(self, rows: Int[np.ndarray, "m"], name: str) -> Float[np.ndarray, "m"]:
        """For some rows of the training set, the distance of the farthest twin."""
        unique, place = np.unique(rows, return_inverse=True)
        if not len(unique):
            return np.zeros(0)
        around = self.search(Queries(self.train, unique, True), RANKS[1], name)
        return self.close.twin_distances(self.train, unique, around)[0][place]


def _pair_distances(points, first, second) -> Float[np.ndarray, "pairs"]:
    found = np.zeros(len(first))
    stride = max(1, 2**22 // points.d)
    for start in range(0, len(first), stride):
        part = slice(start, start + stride)
        apart = points.block(first[part]).astype(np.float64) - points.block(second[part])
        found[part] = np.linalg.norm(apart, axis=1)
    return found


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

    Orthogonal projections never lengthen a distance, so rows with another one within reach are among those that have
    one in the 12 principal directions, which a tree finds. These candidates are compared with all rows, if that is
    affordable; otherwise only equal rows are grouped.
    """
    distinct = np.unique(first)
    work.progress(0, 1, f"near-duplicates in {points.role}")
    some = _candidates(points, distinct, close.reach, np.random.default_rng(seed))
    if len(some) * len(distinct) * points.d > GENEROUS:
        return Groups(first, first, False)
    pairs = np.empty((0, 2), int)
    if len(some):
        against = Against(points, distinct, close, work)
        around = against.search(Queries(points, distinct[some], True), RANKS[1], f"twins-{points.role}")
        limit, _ = close.twin_distances(points, distinct[some], around)
        rows, ranks = np.nonzero((around.distance <= limit[:, None]) & (around.index >= 0))
        pairs = np.stack([some[rows], np.searchsorted(distinct, around.index[rows, ranks])], axis=1)
    component = _components(len(distinct), pairs)
    order = np.full(component.max() + 1, len(distinct))
    np.minimum.at(order, component, np.arange(len(distinct)))
    representative = distinct[order[component]]
    return Groups(first, representative[np.searchsorted(distinct, first)], True)


def equal_rows(points: PointSet) -> Int[np.ndarray, "n"]:
    """For each row the first row that equals it."""
    return first_equal(points.flat)


def _candidates(points, distinct, reach, rng) -> Int[np.ndarray, "some"]:
    """Positions in `distinct` of rows with another one within reach; all where the directions tell too few apart."""
    everything = np.arange(len(distinct))
    if len(distinct) < 2:
        return everything[:0]
    projected, error = _projected(points, distinct, rng)
    tree = cKDTree(projected)
    drawn = rng.choice(len(distinct), min(DRAWN, len(distinct)), replace=False)
    # the tree counts a point as its own neighbour
    counts = tree.query_ball_point(projected[drawn], reach + error, return_length=True) - 1
    if counts.mean() * len(distinct) > 2 * MOST_PAIRS:
        return everything
    pairs = tree.query_pairs(reach + error, output_type="ndarray")
    return np.unique(pairs[_pair_distances(points, *distinct[pairs].T) <= reach])


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


def _components(n, pairs):
    links = coo_array((np.ones(len(pairs), bool), tuple(pairs.T)), shape=(n, n))
    return connected_components(links, directed=False)[1]
