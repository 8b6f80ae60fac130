"""Mutual information of an unknown law, estimated from N of its points, and the limit log N of what they can tell.

Computed in NumPy, float64. Only the ratio sigma/alpha enters; distances are computed once for all ratios.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import logsumexp

from ...annotations import Number, Numbers, Points, RandomKey, Scalar
from ...checks import as_values
from ...representation import one_line
from ..estimate import Estimate, mean_estimate
from ..points import log_size
from ..spectrum import spectrum
from .ratio import collapse_ratio, collapse_ratio_from_information

BLOCKS = 8  # of the points, whose unions of 1, 2, 4 and 8 show how the bias of having few others falls
FEWEST = 2 * BLOCKS  # points
LARGEST = 0.5  # relative error of sigma/alpha above which an estimate is refused
SLOWEST = 0.8  # ratio of successive falls of a bias above which their sum cannot be told from a few of them
CLOSE = 1e-6  # square over those of both points, below which it is taken from their difference
ENTRIES = 2**20  # of differences held at a time
DOUBLINGS = 120  # attempts to widen a bracket before its crossing is declared missing: 10^18 in ratio with factor .7


class PairGaps(NamedTuple):
    """Distances of m noisy query points `u = y_i + ratio z_i` to all N points, in a form that serves every ratio:

    |u - y_j|^2 - |u - y_i|^2 = square + 2 ratio projection.
    """

    own: np.ndarray
    """(m,): index of each query among the points."""
    square: np.ndarray
    """(m, N): |y_i - y_j|^2."""
    projection: np.ndarray
    """(m, N): <y_i - y_j, z_i>."""

    def log_odds(self, ratio: float) -> np.ndarray:
        """(m, N): `log p(u_i|y_j)/p(u_i|y_i)` of each other point; -inf in place of the own one."""
        found = -(self.square / (2 * ratio**2) + self.projection / ratio)
        found[np.arange(len(found)), self.own] = -np.inf
        return found


class InformationCurve(NamedTuple):
    """Two estimates of the information at several ratios; the truth lies between their expectations."""

    ratio: Float[np.ndarray, "ratios"]
    """sigma/alpha."""
    lower: Estimate
    """Contrastive estimate: the query's own point is among those it is compared with. At most log N."""
    upper: Estimate
    """Leave-one-out estimate: the query's own point is not among those it is compared with."""
    valid: Bool[np.ndarray, "ratios"]
    """Where the leave-one-out estimate is below log(N - 1)."""

    __repr__ = one_line


def pair_gaps(points: Points, *, key: RandomKey, queries: int = 1000) -> PairGaps:
    """Noise and distances of `queries` of the points, drawn without replacement (all points when there are fewer).

    Memory: 16 bytes x queries x N; cost O(queries N d), once.
    Raises ValueError for fewer than 2 points or queries, and for values that are NaN or infinite.
    """
    points = np.asarray(points, np.float64)
    n = len(points)
    m = min(queries, n)
    if m < 2:
        raise ValueError(f"`points` and `queries` must be at least 2, but are {n} and {queries}.")
    if not np.isfinite(points).all():
        raise ValueError("`points` must be finite, but a value is NaN or infinite.")
    # the median: a few points far away cost the others no digits
    centred = points.reshape(n, -1) - np.median(points.reshape(n, -1), axis=0)
    which, noise = jax.random.split(key)
    own = np.asarray(jax.random.permutation(which, n)[:m])
    draw = jax.vmap(lambda i: jax.random.normal(jax.random.fold_in(noise, i), centred.shape[1:]))
    z = np.asarray(draw(jnp.arange(m)), np.float64)
    square, projection = squares_and_projections(centred, own, z[None])
    return PairGaps(own, square, projection[0])


def squares_and_projections(
    points: Float[np.ndarray, "N d"], own: Int[np.ndarray, "m"], noise: Float[np.ndarray, "draws m d"]
) -> tuple[Float[np.ndarray, "m N"], Float[np.ndarray, "draws m N"]]:
    """`|y_i - y_j|^2` for each i of `own` and every j, and `<y_i - y_j, z>` for each noise z of i.

    Accuracy: 1e-9 relative, and exactly 0 for equal points, however far groups of points are from each other.
    """
    y, norms = points[own], np.sum(points**2, axis=1)
    scale = norms[own][:, None] + norms
    square = np.maximum(scale - 2 * y @ points.T, 0)  # round-off may leave -1e-16 |y|^2
    projection = np.sum(y * noise, axis=2)[:, :, None] - noise @ points.T
    # close points far from 0 have lost the digits of their difference in both
    close = np.argwhere(square < CLOSE * scale)
    step = max(1, ENTRIES // noise[:, 0].size)
    for start in range(0, len(close), step):
        rows, columns = close[start : start + step].T
        difference = y[rows] - points[columns]
        square[rows, columns] = np.sum(difference**2, axis=1)
        projection[:, rows, columns] = np.einsum("zpd,pd->zp", noise[:, rows], difference)
    return square, projection


def log_background(gaps: PairGaps, ratio: float) -> np.ndarray:
    """`log sum_{j != i} p(u_i|y_j)/p(u_i|y_i)` for each query i: the weight of all other points relative to its own."""
    return logsumexp(gaps.log_odds(ratio), axis=1)


def leave_one_out_densities(gaps: PairGaps, ratio: float) -> np.ndarray:
    """Information density of each query against the other N - 1 points: `-log mean_{j != i} p(u_i|y_j)/p(u_i|y_i)`."""
    return math.log(gaps.square.shape[1] - 1) - log_background(gaps, ratio)


def contrastive_densities(gaps: PairGaps, ratio: float) -> np.ndarray:
    """Information density of each query against all N points: log N + log(own weight), at most log N."""
    return math.log(gaps.square.shape[1]) - np.logaddexp(0, log_background(gaps, ratio))


def information_limit(gaps: PairGaps) -> float:
    """log(N - 1), the largest information that a comparison with N - 1 other points can resolve."""
    return math.log(gaps.square.shape[1] - 1)


def limit_of_many(gaps: PairGaps, order: Int[np.ndarray, "N"], ratio: float) -> Estimate:
    """Leave-one-out information with the bias of having only N - 1 others taken out.

    The mean over N/8, N/4, N/2 and N of the points falls with every doubling, by steps that form about a geometric
    series; what is left of the series is the bias. The error holds the standard error over queries, and half the bias.
    """
    densities = _block_densities(gaps, order, ratio)
    falls = -np.diff([each.mean() for each in densities])
    earlier, later = falls[:-1].sum(), falls[1:].sum()
    fall_ratio = np.clip(later / earlier, 0, SLOWEST) if earlier > 0 else 0.0
    bias = max(float(falls[-1]), 0.0) * fall_ratio / (1 - fall_ratio)
    value, error = mean_estimate(densities[-1])
    return Estimate(float(value - bias), math.hypot(error, bias / 2))


def _block_densities(gaps: PairGaps, order: np.ndarray, ratio: float) -> list[Float[np.ndarray, "m"]]:
    """`-log mean_{j != i} p(u_i|y_j)/p(u_i|y_i)` over j in N/8, N/4, N/2 and N points, averaged over disjoint sets."""
    size = len(order) // BLOCKS
    inside = (np.argsort(order)[gaps.own] // size)[:, None] == np.arange(BLOCKS)
    others = size - inside
    sums = logsumexp(gaps.log_odds(ratio)[:, order[: size * BLOCKS]].reshape(*inside.shape, size), axis=2)
    densities = [(np.log(others) - sums).mean(axis=1)]
    while sums.shape[1] > 1:
        sums, others = np.logaddexp(sums[:, ::2], sums[:, 1::2]), others[:, ::2] + others[:, 1::2]
        densities.append((np.log(others) - sums).mean(axis=1))
    return densities


def _drawn(points, key, queries: int) -> tuple[PairGaps, np.ndarray]:
    """Noisy queries, and a random order of the points whose consecutive runs are subsets."""
    gaps = pair_gaps(points, key=key, queries=queries)
    count = gaps.square.shape[1]
    if count < FEWEST:
        raise ValueError(f"`points` must be at least {FEWEST}, but are {count}.")
    return gaps, np.asarray(jax.random.permutation(jax.random.fold_in(key, count), count))


def empirical_information(points: Points, ratio: Scalar, *, key: RandomKey, queries: int = 1000) -> Estimate:
    """Mutual information I(X0; Xt) in nats of the law that the points come from, at sigma/alpha = ratio:

        I = lim_{N -> inf} mean over queries i of log [p(u_i|y_i) / mean_{j != i} p(u_i|y_j)].

    At finite N the mean is biased upwards, long before it reaches log N and most in few dimensions: for 600 Gaussian
    points in 4 dimensions, whose I is log 400, by 1.3 nats. The bias is estimated from subsets of the points, as a
    geometric series over doublings of N, and taken out; the error is the standard error over queries and half of the
    bias. Cost: (queries x N) exponentials; memory: see `pair_gaps`.
    Raises ValueError for fewer than 16 points, where `ratio` is not positive, and where the estimate is not below
    log(N - 1), the largest one that N points can resolve.
    Source: Poole et al., arXiv:1905.06922 (leave-one-out upper bound); the limit is derived: there the sum over the
    other N - 1 points condenses, as in the random-energy model; the correction is measured, not derived.
    """
    (ratio,) = checked_ratios(ratio)
    gaps, order = _drawn(points, key, queries)
    estimate = limit_of_many(gaps, order, ratio)
    limit = information_limit(gaps)
    if not estimate.value < limit:
        raise ValueError(
            f"I at `ratio` {ratio:.4g} must be below log(N - 1) = {limit:.4g} nats, but is {estimate.value:.4g}."
        )
    return estimate


def empirical_information_curve(
    points: Points, ratios: Numbers, *, key: RandomKey, queries: int = 1000
) -> InformationCurve:
    """Both estimates of I(X0; Xt) at several ratios sigma/alpha with equal noise, and where they are valid.

    Raises ValueError for a ratio that is not positive, and as `pair_gaps`.
    Source: Poole et al., arXiv:1905.06922: contrastive lower and leave-one-out upper bound.
    """
    ratios = checked_ratios(ratios)
    gaps = pair_gaps(points, key=key, queries=queries)
    lower = mean_estimate(np.stack([contrastive_densities(gaps, ratio) for ratio in ratios], axis=1))
    upper = mean_estimate(np.stack([leave_one_out_densities(gaps, ratio) for ratio in ratios], axis=1))
    return InformationCurve(ratios, lower, upper, upper.value < information_limit(gaps))


def empirical_collapse_ratio(points: Points, n: Number, *, key: RandomKey, queries: int = 1000) -> Estimate:
    """sigma/alpha at which n < N points of the law that these N points come from collapse: `I = log n`.

    The information is that of `empirical_information`, with its bias taken out; the error holds half of what that
    changed. Of 120 sets of 600 Gaussian points, in 4, 9 and 40 dimensions and for n = 30 to 400, 4
    were refused, all in 4 dimensions; the others were right within two errors, which are wide near N: 24 %, 11 % and
    4 % at n = 400. In 2 dimensions half of the sets are refused from n = 150 on.
    Raises ValueError unless n is above 1 and below N - 1, the limit of validity, for fewer than 16 points, and where
    points are repeated so often, or so few in so few dimensions, that I never reaches log n, or leaves sigma/alpha open
    by more than a half.
    Source: derived, with the estimate of `empirical_information`.
    """
    gaps, order = _drawn(points, key, queries)
    log_n = log_size(n)
    if not 0 < log_n < information_limit(gaps):
        others = gaps.square.shape[1] - 1
        raise ValueError(f"`n` must be above 1 and below the number of other points, {others}, but is {n}.")

    def information(ratio):
        return limit_of_many(gaps, order, ratio)

    start = collapse_ratio(n, spectrum(points)) or 1.0
    low = widen(lambda ratio: information(ratio).value > log_n, start, 0.5)
    high = widen(lambda ratio: information(ratio).value < log_n, start, 2.0)
    found = collapse_ratio_from_information(information, n, (low, high))
    if not found.error <= LARGEST * found.value:
        raise ValueError(
            f"`n` must be well below the number of points, {len(order)}, which leave sigma/alpha at {n} open by "
            f"{found.error / found.value:.0%}."
        )
    return found


def widen(reached, start: float, factor: float) -> float:
    """The first of start x factor^k, k = 1, 2, ..., at which `reached` holds."""
    for k in range(1, DOUBLINGS + 1):
        if reached(start * factor**k):
            return start * factor**k
    raise ValueError("`points` must be mostly distinct and enough for `n`, but their information never crosses log n.")


def checked_ratios(ratios: Numbers) -> Float[np.ndarray, "ratios"]:
    """Ratios sigma/alpha in NumPy, float64; a number is one of them. Raises ValueError unless they are one-dimensional,
    positive and finite.
    """
    ratios = np.atleast_1d(np.asarray(as_values("ratio", ratios), np.float64))
    if ratios.ndim > 1:
        raise ValueError(f"`ratio` must be numbers in one dimension, but has shape {ratios.shape}.")
    if not ((ratios > 0) & np.isfinite(ratios)).all():
        raise ValueError(f"`ratio` must be positive and finite, but holds {ratios.min()}.")
    return ratios
