"""Duplicates and near-duplicates inside a set, in groups."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int
from scipy.linalg import eigh
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from ..data.distinct import first_equal
from .near_duplicates import Against, Closeness, pair_lengths
from .resumable import Work
from .sets.point_set import PointSet, blocks, fitting

DIRECTIONS = 12  # principal directions in which near-duplicates are looked for first
DRAWN = 512  # points from which the directions are found, and the number of pairs is estimated
MOST_PAIRS = 2**22  # candidate pairs that are compared in all coordinates
GENEROUS = 2**38  # products of a search among all pairs, some seconds


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
    one in the 12 principal directions, which a tree finds. These candidates are compared with all rows. Where the
    directions tell no points apart, all rows are candidates, and for more than a few seconds of work only equal rows
    are grouped.
    """
    distinct = np.unique(first)
    work.progress(0, 1, f"near-duplicates in {points.role}")
    some = _candidates(points, distinct, close.reach, np.random.default_rng(seed))
    if len(some) == len(distinct) and len(distinct) ** 2 * points.d > GENEROUS:
        return Groups(first, first, False)
    pairs = np.empty((0, 2), int)
    if len(some):
        against = Against(points, distinct, close, work)
        _, found = against.twins(distinct[some], f"twins-{points.role}")
        pairs = np.stack([some[found[:, 0]], np.searchsorted(distinct, found[:, 1])], axis=1)
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
    return np.unique(pairs[pair_lengths(points, *distinct[pairs].T) <= reach])


def _projected(points, distinct, rng):
    """The rows in their leading principal directions, and a bound on what rounding adds to a distance."""
    drawn = np.sort(rng.choice(distinct, min(fitting(DRAWN, points.d, 16), len(distinct)), replace=False))
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
        for rows in np.array_split(distinct[here], -(-(here.stop - here.start) // fitting(2048, points.d)) or 1):
            centred = points.block(rows).astype(np.float64)
            centred -= centre
            at = slice(*np.searchsorted(distinct, (rows[0], rows[-1] + 1))) if len(rows) else slice(0, 0)
            found[at] = centred @ directions
            largest = max(largest, float(centred.max(initial=0)), -float(centred.min(initial=0)))
    return found, 64 * points.d * np.finfo(np.float64).eps * largest


def _components(n, pairs):
    links = coo_array((np.ones(len(pairs), bool), tuple(pairs.T)), shape=(n, n))
    return connected_components(links, directed=False)[1]
