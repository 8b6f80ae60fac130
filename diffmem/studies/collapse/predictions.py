"""Predictions of the collapse of n points of a data set, from its covariance spectrum and from its points."""

import jax
import numpy as np

from ... import theory
from ...annotations import RandomKey
from ...data import Dataset
from ...data.distinct import first_equal

MOST_POINTS = 20_000  # used in the Monte-Carlo estimate, whose memory is 16 bytes x queries x points
MC_QUERIES = 1000

UNKNOWN = theory.Estimate(np.nan, np.nan)


def predicted_ratio(dataset: Dataset, n: int, spectrum: np.ndarray) -> float:
    """sigma/alpha at collapse by the covariance spectrum; raises ValueError for a spectrum of zeros."""
    ratio = theory.collapse_ratio(n, spectrum)
    if ratio == 0:
        raise ValueError(f"`dataset` must hold points that differ, but all {dataset.n} in {dataset.name} are equal.")
    return ratio


def monte_carlo_ratio(dataset: Dataset, n: int, *, key: RandomKey) -> theory.Estimate:
    """sigma/alpha at collapse by a Monte-Carlo estimate of the mutual information from the points, leaving one out.

    NaN where the estimate is not valid: unless 1 < n < N - 1 for N distinct points, where repeated points keep the
    information from crossing log n, and where n is so near N that sigma/alpha is left open by a half. Of more than
    20,000 points a random 20,000 are used.
    """
    draw, estimate = jax.random.split(key)
    points = dataset.points if dataset.n <= MOST_POINTS else dataset.take(MOST_POINTS, key=draw).points
    if not 1 < n < len(np.unique(first_equal(points))) - 1:
        return UNKNOWN
    try:
        return theory.empirical_collapse_ratio(points, n, key=estimate, queries=MC_QUERIES)
    except ValueError:  # repeated points, or too few for n: the condition above leaves no other reason
        return UNKNOWN
