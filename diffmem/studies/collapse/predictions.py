"""Predictions of the collapse of n points of a data set, from its covariance spectrum and from its points."""

import jax
import numpy as np

from ... import theory
from ...annotations import RandomKey
from ...data import Dataset
from ...data.distinct import first_equal

MOST_POINTS = 20_000  # used in the Monte-Carlo estimate, whose memory is 16 bytes x queries x points
MC_QUERIES = 1000
UNEQUAL = 0.05  # share of the weight that repetitions may have moved

UNKNOWN = theory.Estimate(np.nan, np.nan)


def predicted_ratio(dataset: Dataset, n: float, spectrum: np.ndarray) -> float:
    """sigma/alpha at collapse by the covariance spectrum; raises ValueError for a spectrum of zeros.

    n is the number of points, or `exp` of the entropy of their weights.
    """
    ratio = theory.collapse_ratio(n, spectrum)
    if ratio == 0:
        raise ValueError(f"`dataset` must hold points that differ, but all {dataset.n} in {dataset.name} are equal.")
    return ratio


def monte_carlo_ratio(dataset: Dataset, n: float, *, key: RandomKey) -> theory.Estimate:
    """sigma/alpha at collapse by a Monte-Carlo estimate of the mutual information from the points, leaving one out.

    Repeated points are used once. NaN where the estimate is not valid: unless 1 < n < N - 1 for N distinct points,
    where repetitions are unequal, so that more than 5 % of the weight would have to move to make the distinct points
    equally likely, and where n is so near N that sigma/alpha is left open by a half. Of more than 20,000 points a
    random 20,000 are used.
    """
    draw, estimate = jax.random.split(key)
    points = dataset.points if dataset.n <= MOST_POINTS else dataset.take(MOST_POINTS, key=draw).points
    first, counts = np.unique(first_equal(points), return_counts=True)
    moved = np.abs(counts / len(points) - 1 / len(first)).sum() / 2
    if not 1 < n < len(first) - 1 or moved > UNEQUAL:
        return UNKNOWN
    try:
        return theory.empirical_collapse_ratio(points[first], n, key=estimate, queries=MC_QUERIES)
    except ValueError:  # near-copies, or too few for n: the condition above leaves no other reason
        return UNKNOWN
