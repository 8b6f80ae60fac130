"""Which training points are twins of one another, and neighbours with the twins of the first set aside."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ..metrics import Neighbours
from ..metrics.neighbours.twins import CHANCE, RANKS, WIDER, WIDEST, dense_reach, farthest_twins, in_turn, level_step
from .resumable import Queries, Work, search
from .sets.point_set import PointSet, fitting
from .variants import AS_IT_IS, Variant

FEWEST = 7  # neighbours from which a dimension is estimated
FAR = 0.95  # quantile of the distances of neighbours, beyond whose share no twins are looked for
PAIRS = 2**22  # neighbours of some rows that are held at a time
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
    dense: float = 0.0
    """Distance up to which a point may have more than 11 twins."""

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

            r_m < share r_(m+1)    or, for images, at most one level between the points in every coordinate,

        the former above rank 11 only for r_m <= dense.
        """
        distance = around.distance
        if self.fixed is not None:
            return np.full(len(rows), self.fixed), (distance <= self.fixed).sum(axis=1)
        farthest, ranks = farthest_twins(distance, self.share, self.dense, self._one_level_apart(points, rows, around))
        return farthest * ROUNDING, ranks

    def may_have_more(self, points: PointSet, rows: Int[np.ndarray, "m"], around: Neighbours) -> Bool[np.ndarray, "m"]:
        """Whether the last of the nearest others may be a twin, too, so that more neighbours must be looked at."""
        if self.fixed is not None:
            return np.zeros(len(rows), bool)
        last = Neighbours(around.distance[:, -1:], around.index[:, -1:])
        return (last.distance[:, 0] <= self.dense) | self._one_level_apart(points, rows, last)[:, 0]

    def _one_level_apart(self, points, rows, around):
        columns = [self.one_level(points, rows, index) & (index >= 0) for index in around.index.T]
        return np.stack(columns, axis=1) if columns else np.zeros(around.index.shape, bool)


def closeness(train: PointSet, drawn: Queries, around: Neighbours, ratio: float, twins: float | None) -> Closeness:
    """When points are twins, from the distances r_1 <= r_2 <= ... of drawn training points to their nearest others.

    The rule is that of `metrics.memorization`: the first m neighbours of a point are its twins if r_m < s r_(m+1), with

        s = min(ratio, .001^(1/D)),

    so that a twin would itself count as a copy, and of points scattered at random in D dimensions one in a thousand
    would have one; or if they differ by at most one level anywhere, for images. So twins are told from their
    surroundings: photographs of a plain sky are near to each other and no twins. m is at most 11, or where more points
    are within s times the median distance of neighbours, at most 767; not where a fifth of the points have 12 others so
    near. With `twins` they are all points within that share of the median distance of neighbours.
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
    dense = 0.0 if fixed is not None else dense_reach(around.distance, spacing, close.share)
    return close._replace(reach=float(reach), fixed=fixed, spacing=spacing, dense=dense)


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
        self,
        queries: Queries,
        name: str,
        variant: Variant = AS_IT_IS,
        found: Neighbours | None = None,
        own: Float[np.ndarray, "count"] | None = None,
    ) -> Nearest:
        """Distances to the nearest training point and to the nearest one that is no twin of it.

        Twins of a training point are twins of it as a whole, whatever the variant compares. They are looked for where
        the two nearest points, or those that were `found`, are near to each other; where all are twins, the search
        looks at 8, 32, 128, ... neighbours. Points up to the distance `own` from a query are passed over.
        """
        own = np.full(queries.count, -1.0) if own is None else own
        found = _beyond(self.search(queries, 2, name, variant) if found is None else found, own)
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
            twins = (apart <= limit[left, None]) | (found.index < 0)
            d2[left] = np.where(
                twins.all(axis=1), np.inf, found.distance[np.arange(len(left)), np.argmin(twins, axis=1)]
            )
            left = left[twins.all(axis=1)]
            if not len(left) or k >= len(self.distinct):
                return Nearest(d1, d2, row, of_twins)
            k = min(4 * k, len(self.distinct))
            found = _beyond(self.search(queries.only(left), k, f"{name}-{k}", variant), own[left])

    def left_out(self, left: Queries, around: Neighbours, name: str) -> Nearest:
        """The same for rows of the training set, each against all others that are no twins of it.

        `around` are their 12 nearest others. A row with nothing but twins around it is compared with these.
        """
        rows = np.arange(left.count) if left.index is None else left.index
        own, _ = self.twins(rows, f"{name}-own-twins", around)
        k, most = around.distance.shape[1], min(len(self.distinct) - 1, PAIRS // left.count)
        while k < most and (around.distance[:, max(0, k - 2)] <= own).any():
            k = min(4 * k, most)
            around = self.search(left, k, f"{name}-{k}")
        apart = (around.distance > own[:, None]) & (around.index >= 0)
        return self.nearest(left, name, found=around, own=np.where(apart.any(axis=1), own, -1.0))

    def twin_distances(self, rows: Int[np.ndarray, "m"], name: str) -> Float[np.ndarray, "m"]:
        """For some rows of the training set, the distance of the farthest twin."""
        unique, place = np.unique(rows, return_inverse=True)
        return self.twins(unique, name)[0][place]

    def twins(
        self, rows: Int[np.ndarray, "m"], name: str, around: Neighbours | None = None
    ) -> tuple[Float[np.ndarray, "m"], Int[np.ndarray, "pairs 2"]]:
        """For rows that differ, the distance of the farthest twin, and pairs: a position in `rows`, the row of a twin.

        The search looks at 12 neighbours, which may be known; at 48 and 768 where the last may be a twin, too.
        """
        limit, pairs = np.zeros(len(rows)), [np.empty((0, 2), int)]

        def look(which, k, found=None):
            """Some rows by position: their farthest twins, and which may have more, among k neighbours."""
            ranks, more, near = np.zeros(len(which), int), np.zeros(len(which), bool), []
            for part in np.array_split(np.arange(len(which)), -(-len(which) * k // PAIRS)):
                own, at = rows[which[part]], which[part]
                label = name if k == RANKS[1] else f"{name}-{k}-{at[0]}"
                around = self.search(Queries(self.train, own, True), k, label) if found is None else found
                limit[at], ranks[part] = self.close.twin_distances(self.train, own, around)
                more[part] = self.close.may_have_more(self.train, own, around) & (k < len(self.distinct) - 1)
                place, rank = np.nonzero((around.distance <= limit[at, None]) & (around.index >= 0))
                pairs.append(np.stack([at[place], around.index[place, rank]], axis=1))
                near.append(around.index[more[part]])
            return which[more], np.concatenate(near), ranks

        if len(rows):
            left, near, _ = look(np.arange(len(rows)), RANKS[1], around)
            if len(left):
                left, near, _ = look(left, WIDER)
                in_turn(rows[left], near, lambda chosen: look(left[chosen], WIDEST)[2] >= WIDER)
        return limit, np.concatenate(pairs)


def _beyond(found: Neighbours, own: Float[np.ndarray, "count"]) -> Neighbours:
    """The neighbours that are farther than `own`, nearest first; infinity and -1 where so many were not looked at."""
    passed = (found.distance <= own[:, None]).sum(axis=1)
    if not passed.any():
        return found
    places = passed[:, None] + np.arange(found.distance.shape[1])
    at = np.minimum(places, found.distance.shape[1] - 1)
    there = places == at
    distance, index = (np.take_along_axis(part, at, axis=1) for part in found)
    return Neighbours(np.where(there, distance, np.inf), np.where(there, index, -1))


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
