"""Which training points are twins of one another, and neighbours with the twins of the first set aside."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ..metrics import Neighbours
from ..metrics.neighbours.twins import CHANCE, RANKS, level_step
from .resumable import Queries, Work, search
from .sets.point_set import PointSet, fitting
from .variants import AS_IT_IS, Variant

FEWEST = 7  # neighbours from which a dimension is estimated
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

    def one_level(
        self,
        points: PointSet,
        rows: Int[np.ndarray, "m"],
        others: Int[np.ndarray, "m"],
        of: PointSet | None = None,
    ) -> Bool[np.ndarray, "m"]:
        """Which rows differ by at most one level anywhere from other rows, of another set if there is one."""
        if not self.level:
            return np.zeros(len(rows), bool)
        return _of_pairs(_largest, points, rows, points if of is None else of, others) <= 1.001 * self.level

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
            for k in range(near.shape[1]):
                near[:, k] |= self.one_level(points, rows, around.index[:, k]) & (around.index[:, k] >= 0)
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
    level = level_step(drawn.rows(slice(0, fitting(drawn.count, train.d, 8)), AS_IT_IS)) or 0.0
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
        open_ = np.flatnonzero((pair_lengths(self.train, row, second) <= self.close.reach) & (second >= 0))
        limit[open_] = self.twin_distances(row[open_], f"{name}-twins")
        left, k = np.arange(queries.count), 2
        while True:
            shape = found.index.shape
            first = np.repeat(row[left], shape[1])
            apart = pair_lengths(self.train, first, found.index.ravel()).reshape(shape)
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


def pair_lengths(
    points: PointSet, first: Int[np.ndarray, "pairs"], second: Int[np.ndarray, "pairs"]
) -> Float[np.ndarray, "pairs"]:
    """Distances of rows of a set from other rows of it."""
    return _of_pairs(_length, points, first, points, second)


def _of_pairs(measure, points, first, of, second) -> Float[np.ndarray, "pairs"]:
    """What is measured on differences of rows, some pairs at a time."""
    found = np.zeros(len(first))
    stride = fitting(len(first), points.d)
    for start in range(0, len(first), stride):
        part = slice(start, start + stride)
        found[part] = measure(points.block(first[part]).astype(np.float64) - of.block(second[part]))
    return found


def _length(apart):
    return np.linalg.norm(apart, axis=1)


def _largest(apart):
    return np.abs(apart).max(axis=1)
