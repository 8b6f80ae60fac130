"""Collapse of n points as random subsets of N points show it, and of more points than there are by extrapolation.

Computed on the host in float64. Only the ratio sigma/alpha enters, and the distances are computed once for all ratios
and sizes.
"""

import math

import jax
import numpy as np
from jaxtyping import ArrayLike, Float, Num, PRNGKeyArray

from ..estimate import Estimate, mean_estimate
from ..spectrum import spectrum
from .from_points import PairGaps, check_ratios, pair_gaps, widen
from .ratio import collapse_ratio, root

SHARES = (4, 2, 1)  # the subsets from which is extrapolated are the points divided by these
FEWEST = 16  # points in the smallest of them
ACCURACY = 1e-6  # of log sigma/alpha at a crossing
STEP = 1e-3  # of log sigma/alpha, in slopes


def subset_own_weight(
    points: Num[ArrayLike, "N *shape"], n: int, ratios: Float[ArrayLike, "ratios"], *, key: PRNGKeyArray, queries=1000
) -> Estimate:
    """Mean posterior weight of a noisy point's own original among n of the N points, at several sigma/alpha.

    Averages over queries (points of the set, each with one noise that serves all ratios) and, for each, over N/n
    disjoint random subsets that hold it: for points drawn independently from a law it is unbiased for n points of that
    law. The error is the spread over queries. Cost and memory: see `pair_gaps`; (queries x N) exponentials a ratio.

    Raises:
        ValueError: n is not between 2 and N; a ratio is not positive; as `pair_gaps`.
    Source: derived.
    """
    gaps, order = _drawn(points, n, key, queries)
    ratios = np.asarray(ratios, np.float64)
    check_ratios(ratios)
    return mean_estimate(np.stack([_own_weights(gaps, order, n, ratio) for ratio in ratios], axis=1))


def subset_collapse_ratio(
    points: Num[ArrayLike, "N *shape"], n: int, *, key: PRNGKeyArray, queries: int = 1000
) -> Estimate:
    """sigma/alpha at which `subset_own_weight` is 1/2: the measured collapse of n of the N points, and its standard
    error over queries (2 % for 1000 of them; the choice of the N points adds to it).

    Raises:
        ValueError: n is not between 3 and N (for 2 points the weight reaches 1/2 only without signal); as `pair_gaps`.
    """
    if n < 3:
        raise ValueError(f"`n` must be at least 3 for a collapse, but is {n}.")
    gaps, order = _drawn(points, n, key, queries)
    return _estimate(*_crossing(gaps, order, n, _start(points, n)))


def extrapolated_collapse_ratio(
    points: Num[ArrayLike, "N *shape"], n: int, *, key: PRNGKeyArray, queries: int = 1000
) -> Estimate:
    """sigma/alpha at which n > N points of the law that these N points come from collapse, without a model of the law.

    The crossings of N/4, N/2 and N of the points are measured, and log n as a function of log(sigma/alpha) is continued
    by the parabola through the three: at collapse log n is about the mutual information, whose slope is minus the
    effective dimension `mmse alpha^2/sigma^2`, so that the parabola takes this dimension to be linear in the logarithm
    of the noise. For n <= N it is `subset_collapse_ratio`.

    Accuracy: from 224 to 898 of the digits and 625 to 2,500 of MNIST's up to all of them, 3 % of sigma/alpha; the
    choice of the N points is most of it. Cost: three times that of `subset_collapse_ratio`.

    Raises:
        ValueError: there are fewer than 64 points, or the parabola turns before it reaches n; as `pair_gaps`.
    Source: derived.
    """
    count = len(np.asarray(points))
    if n <= count:
        return subset_collapse_ratio(points, n, key=key, queries=queries)
    if count < FEWEST * SHARES[0]:
        raise ValueError(f"`points` must be at least {FEWEST * SHARES[0]} to be extrapolated, but are {count}.")
    gaps, order = _drawn(points, count, key, queries)
    sizes = [count // share for share in SHARES]
    crossings, influences = zip(*(_crossing(gaps, order, size, _start(points, size)) for size in sizes))
    x, y, target = np.asarray(crossings), np.log(sizes), math.log(n)
    found = _continued(x, y, target)
    shifts = STEP * np.eye(len(x))
    slopes = [(_continued(x + shift, y, target) - found) / STEP for shift in shifts]
    return _estimate(found, np.tensordot(slopes, influences, 1))


def _estimate(log_ratio: float, influence: np.ndarray) -> Estimate:
    """The ratio, with the standard error of a mean of the queries' influences on its logarithm."""
    ratio = math.exp(log_ratio)
    return Estimate(ratio, ratio * float(influence.std(ddof=1)) / math.sqrt(len(influence)))


def _continued(x: np.ndarray, y: np.ndarray, target: float) -> float:
    """Where the falling parabola through three points reaches a value above theirs."""
    curve = np.polynomial.Polynomial.fit(x, y, 2, domain=[x.min(), x.max()])
    below = [value.real for value in (curve - target).roots() if abs(value.imag) < 1e-12 and value.real < x.min()]
    if not below:
        raise ValueError(
            f"`n` must be within reach of the extrapolation, but the parabola turns before {math.exp(target):.4g}."
        )
    return max(below)


def _drawn(points, n: int, key, queries: int) -> tuple[PairGaps, np.ndarray]:
    count = len(np.asarray(points))
    if not 2 <= n <= count:
        raise ValueError(f"`n` must be between 2 and {count}, the number of points, but is {n}.")
    noise, shuffle = jax.random.split(key)
    return pair_gaps(points, key=noise, queries=queries), np.asarray(jax.random.permutation(shuffle, count))


def _start(points, n: int) -> float:
    return collapse_ratio(n, spectrum(points)) or 1.0


def _crossing(gaps: PairGaps, order: np.ndarray, n: int, start: float) -> tuple[float, np.ndarray]:
    """log sigma/alpha where the mean own weight is 1/2, and how much each query's weight moves it."""

    def excess(log_ratio):
        return float(_own_weights(gaps, order, n, math.exp(log_ratio)).mean()) - 0.5

    low = widen(lambda ratio: excess(math.log(ratio)) > 0, start, 0.7)
    high = widen(lambda ratio: excess(math.log(ratio)) < 0, start, 1.4)
    found = root(excess, math.log(low), math.log(high), accuracy=ACCURACY)
    slope = (excess(found + STEP) - excess(found - STEP)) / (2 * STEP)
    return found, (0.5 - _own_weights(gaps, order, n, math.exp(found))) / slope


def _own_weights(gaps: PairGaps, order: np.ndarray, n: int, ratio: float) -> np.ndarray:
    """The own weight of each query, its mean over the disjoint subsets that `order` makes."""
    others = np.exp(np.minimum(-(gaps.square / (2 * ratio**2) + gaps.projection / ratio), 700.0))
    others[np.arange(len(gaps.own)), gaps.own] = 0
    others = others[:, order]
    place = np.argsort(order)[gaps.own]
    subsets = len(order) // n
    total = np.zeros(len(gaps.own))
    for first in range(0, subsets * n, n):
        block = others[:, first : first + n]
        # the subset that holds the query has n - 1 others already; of the rest the last makes room for it
        inside = (place >= first) & (place < first + n)
        total += 1 / (1 + block.sum(axis=1) - np.where(inside, 0.0, block[:, -1]))
    return total / subsets
