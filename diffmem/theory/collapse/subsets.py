"""Measured collapse of n points, from random subsets of N points.

Computed in NumPy, float64. Only the ratio sigma/alpha enters; distances are computed once for all ratios and sizes.
"""

import math
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from ...annotations import Numbers, Points, RandomKey
from ..estimate import Estimate
from ..spectrum import spectrum
from .from_points import PairGaps, checked_ratios, pair_gaps, widen
from .ratio import collapse_ratio, root

ACCURACY = 1e-6  # of log sigma/alpha at a crossing
STEP = 1e-2  # of log sigma/alpha, in slopes
GROUPS = 20  # into which the points are divided, each of which is left out once for the standard error


class Drawn(NamedTuple):
    """Noisy points, and an order of the points whose consecutive runs are the subsets."""

    gaps: PairGaps
    order: Int[np.ndarray, "N"]


class Crossing(NamedTuple):
    """Where the mean own weight is 1/2."""

    log_ratio: float
    """log(sigma/alpha)."""
    shifts: Float[np.ndarray, "groups"]
    """The change of `log_ratio` when a group of the points is left out, for each group; their mean is 0."""


def subset_own_weight(points: Points, n: int, ratios: Numbers, *, key: RandomKey, queries: int = 1000) -> Estimate:
    """Mean own weight among n of the N points: the posterior weight of the point that a noisy one came from.

    The mean is over queries (points of the set, each with one noise that serves all ratios sigma/alpha) and, for each
    query, over N/n disjoint random subsets, to each of which it is added. For points drawn independently from a law the
    estimate is unbiased for n points of that law, and the error holds the choice of the N points and of their noise
    (the jackknife over 20 groups of them). Cost and memory: see `pair_gaps`; (queries x N) exponentials for each ratio.
    Raises ValueError unless n is between 2 and N, for a ratio that is not positive, and as `pair_gaps`.
    Source: derived.
    """
    gaps, order = drawn(points, n, key, queries)
    factors = (other_factors(gaps, ratio) for ratio in checked_ratios(ratios))
    pairs = [(own_weights(each, gaps.own, order, n), left_out_means(each, gaps.own, order, n)) for each in factors]
    shifts = np.stack([left_out - left_out.mean() for _, left_out in pairs])
    return Estimate(np.stack([weights.mean() for weights, _ in pairs]), np.sqrt(np.diag(jackknife(shifts))))


def subset_collapse_ratio(points: Points, n: int, *, key: RandomKey, queries: int = 1000) -> Estimate:
    """The measured collapse of n of the N points: the sigma/alpha at which `subset_own_weight` is 1/2.

    The error is that for n points of the law that the N points come from: it holds the choice of the N points and of
    their noise (the jackknife over 20 groups of them). A set with points of very different kinds, as patches of
    pictures are, has a large one: 600 of them leave 15 to 20 % of sigma/alpha open.
    Raises ValueError unless n is between 3 and N (for 2 points the weight reaches 1/2 only without signal), and as
    `pair_gaps`.
    Source: derived; the jackknife of Quenouille and Tukey.
    """
    if n < 3:
        raise ValueError(f"`n` must be at least 3 for a collapse, but is {n}.")
    found = crossing(drawn(points, n, key, queries), n, start(points, n))
    ratio = math.exp(found.log_ratio)
    return Estimate(ratio, ratio * math.sqrt(jackknife(found.shifts[None])[0, 0]))


def jackknife(shifts: Float[np.ndarray, "k groups"]) -> Float[np.ndarray, "k k"]:
    """Covariance of k estimates, from their changes when each of equal groups of the data is left out."""
    groups = shifts.shape[1]
    return (groups - 1) / groups * shifts @ shifts.T


def drawn(points, n: int, key, queries: int) -> Drawn:
    """`queries` noisy points, each of fewer points several times, and a random order of all points."""
    count = len(np.asarray(points))
    if not 2 <= n <= count:
        raise ValueError(f"`n` must be between 2 and {count}, the number of points, but is {n}.")
    noise, shuffle = jax.random.split(key)
    passes = jax.random.split(noise, max(1, queries // count))
    parts = zip(*(pair_gaps(points, key=each, queries=queries) for each in passes))
    return Drawn(PairGaps(*map(np.concatenate, parts)), np.asarray(jax.random.permutation(shuffle, count)))


def start(points, n: int) -> float:
    """A ratio near which to look for the collapse."""
    return collapse_ratio(n, spectrum(points)) or 1.0


def crossing(noisy: Drawn, n: int, start: float) -> Crossing:
    """Where the mean own weight among n points is 1/2."""
    gaps, order = noisy

    def weights(log_ratio):
        return own_weights(other_factors(gaps, math.exp(log_ratio)), gaps.own, order, n)

    def excess(log_ratio):
        return float(weights(log_ratio).mean()) - 0.5

    low = widen(lambda ratio: excess(math.log(ratio)) > 0, start, 0.7)
    high = widen(lambda ratio: excess(math.log(ratio)) < 0, start, 1.4)
    found = root(excess, math.log(low), math.log(high), accuracy=ACCURACY)
    slope = (excess(found - STEP) - excess(found + STEP)) / (2 * STEP)
    # where the fall of the own weight is uneven within its standard error, its slower side bounds the error of the root
    width = max(STEP, float(weights(found).std()) / math.sqrt(gaps.square.shape[1]) / slope)
    slope = min(excess(found - width), -excess(found + width)) / width
    left_out = left_out_means(other_factors(gaps, math.exp(found)), gaps.own, order, n)
    return Crossing(found, (left_out - left_out.mean()) / slope)


def left_out_means(factors, own, order, n: int) -> Float[np.ndarray, "groups"]:
    """The mean own weight without each group of the points, as queries and as others."""
    groups = min(GROUPS, len(order))
    member = np.empty(len(order), int)
    # along the order, so that every subset loses about as many points
    member[order] = np.arange(len(order)) % groups
    means = []
    for group in range(groups):
        kept, rest = member[own] != group, order[member[order] != group]
        means.append(own_weights(factors[kept], own[kept], rest, min(n, len(rest))).mean())
    return np.asarray(means)


def other_factors(gaps: PairGaps, ratio: float) -> Float[np.ndarray, "m N"]:
    """Posterior weight of every other point relative to a query's own, and 0 for its own."""
    return np.exp(np.minimum(gaps.log_odds(ratio), 700.0))


def own_weights(
    factors: Float[np.ndarray, "m N"], own: Int[np.ndarray, "m"], order: Int[np.ndarray, "kept"], n: int
) -> Float[np.ndarray, "m"]:
    """The own weight of each query, averaged over the disjoint subsets of n into which `order` divides points."""
    count = len(order) // n
    subset = np.full(factors.shape[1], -1)
    subset[order] = np.arange(len(order)) // n
    blocks = factors[:, order[: count * n]].reshape(len(own), count, n)
    # a subset that holds the query has n - 1 others; from each other subset the last point is left out
    inside = subset[own][:, None] == np.arange(count)
    return (1 / (1 + blocks.sum(axis=2) - np.where(inside, 0.0, blocks[:, :, -1]))).mean(axis=1)
