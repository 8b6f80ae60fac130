"""Which points collapse first, and why: outliers, repeated points and near-duplicates."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from .. import theory
from ..annotations import RandomKey
from ..dataframe import rows_as_dataframe
from ..metrics import nearest
from .merged_points import Distinct

EXAMINED = 4096  # distinct points up to which all are examined
ANY, SUSPECTED, REPEATED = 1024, 1024, 256  # of more: random ones, those farthest from these, and the largest groups
LEADING, MORE = 32, 16  # first points that are measured again, and by how many times the draws
FENCE = 3.0  # scaled median deviations of log(sigma/alpha) above the median from which a point is an outlier


class FirstPoints(NamedTuple):
    """The examined points, those that collapse at the most noise first; one row for each group of twins."""

    row: Int[np.ndarray, "k"]
    """The first row of the group in the data."""
    ratio: Float[np.ndarray, "k"]
    """sigma/alpha at which the group holds half of the weight of its noisy copies."""
    repeats: Int[np.ndarray, "k"]
    """Rows of the group: equal points and near-duplicates."""
    equal: Int[np.ndarray, "k"]
    """Rows that equal the first one."""
    nearest_row: Int[np.ndarray, "k"]
    """The nearest row of another group."""
    nearest_distance: Float[np.ndarray, "k"]
    """Its distance."""
    outlier: Bool[np.ndarray, "k"]
    """Whether it stands alone: beyond 3 scaled median deviations of log(sigma/alpha) above the median."""

    to_dataframe = rows_as_dataframe

    def __repr__(self) -> str:
        kinds = f"{int(self.outlier.sum())} outliers, {int((self.repeats > 1).sum())} in groups"
        return (
            f"FirstPoints({len(self.row)} points, {kinds}, row {self.row[0]} first at sigma/alpha {self.ratio[0]:.4g})"
        )

    def why(self, i: int) -> str:
        """duplicate, near-duplicate, outlier, both, or nothing."""
        words = []
        if self.equal[i] > 1:
            words.append(f"duplicate, {self.equal[i]} times")
        if self.repeats[i] > self.equal[i]:
            words.append(f"near-duplicates, {self.repeats[i]} in all")
        return "; ".join([*words, *(["outlier"] if self.outlier[i] else [])])


def first_points(
    flat: Float[np.ndarray, "n d"], distinct: Distinct, *, key: RandomKey, draws: int = 4, seed: int = 0
) -> FirstPoints:
    """The collapse of each distinct point; of more than 4,096, of the suspected ones and of some others."""
    rows, repeats = distinct.rows, distinct.repeats
    points = np.asarray(flat[rows], np.float64)
    of = np.arange(len(rows)) if len(rows) <= EXAMINED else _suspected(points, repeats, np.random.default_rng(seed))
    # alone, and with its repeats: whether a point is an outlier has nothing to do with how often it occurs
    alone, ratio = _ratios(points, of, repeats, key, draws)
    # few draws scatter by some 15 %, and what seems to be first has scattered upwards: that is measured by more draws
    first = [np.argsort(-one, kind="stable")[:LEADING] for one in (ratio, alone)]
    leading = np.unique(np.concatenate(first))
    alone[leading], ratio[leading] = _ratios(points, of[leading], repeats, key, MORE * draws)
    neighbours = nearest(points[of], points, 2)
    other = np.where(neighbours.index[:, 0] == of, 1, 0)
    at = np.arange(len(of)), other
    equal = np.bincount(distinct.groups.first)[rows[of]]
    order = np.lexsort((rows[of], -ratio))
    columns = rows[of], ratio, repeats[of], equal, rows[neighbours.index[at]], neighbours.distance[at], _alone(alone)
    return FirstPoints(*(column[order] for column in columns))


def _ratios(points, of, repeats, key, draws):
    """The collapse of some points alone, and with their repeats."""
    alone = theory.point_collapse_ratios(points, of, key=key, draws=draws)
    ratio, several = alone.copy(), repeats[of] > 1
    if several.any():
        ratio[several] = theory.point_collapse_ratios(points, of[several], key=key, repeats=repeats, draws=draws)
    return alone, ratio


def _alone(ratio: Float[np.ndarray, "k"]) -> Bool[np.ndarray, "k"]:
    log_ratio = np.log(ratio)
    finite = log_ratio[np.isfinite(log_ratio)]
    if not finite.size:
        return np.zeros(len(ratio), bool)
    middle = np.median(finite)
    return log_ratio > middle + FENCE * 1.4826 * np.median(np.abs(finite - middle))


def _suspected(points, repeats, rng) -> Int[np.ndarray, "m"]:
    """Points far from a random part of the others, the most repeated ones, and that random part."""
    part = np.sort(rng.choice(len(points), ANY, replace=False))
    distance = nearest(points, points[part], 2).distance
    own = np.zeros(len(points), bool)
    own[part] = True
    away = np.where(own, distance[:, 1], distance[:, 0])
    far = np.argsort(-away, kind="stable")[:SUSPECTED]
    often = np.argsort(-repeats, kind="stable")[:REPEATED]
    return np.unique(np.concatenate([part, far, often[repeats[often] > 1]]))
