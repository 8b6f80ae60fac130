"""Distances between the laws behind two samples, each with its standard error."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int8

from ..annotations import Points, RandomKey
from ..checks import check_count, check_key
from ..data.indexed_draws import indexed_normals
from ..theory import Estimate
from .neighbours.nearest import BLOCK, expanded_squares
from .neighbours.rows import as_row_pair

A, B, LEFT_OUT = 0, 1, -1  # labels of the pooled points
MOST_ORDER = 32  # of the distance: higher ones are those of a few pairs of points, of which a jackknife knows little
GROUPS = 20  # jackknife groups: the error itself is then known to about 1 / sqrt(2 x 19), 16 %


def sliced_wasserstein(
    a: Points,
    b: Points,
    *,
    key: RandomKey,
    projections: int = 128,
    p: float = 2,
) -> Estimate:
    """Sliced Wasserstein distance of order p: the Wasserstein distance in one dimension, averaged over directions.

        SW_p = (mean_theta integral_0^1 |F_theta^-1(u) - G_theta^-1(u)|^p du)^(1/p)

    F_theta^-1 and G_theta^-1 are the quantile functions of the projections `theta.a` and `theta.b`, integrated exactly
    also for n != m, and theta is uniform on the unit sphere. The distance is in the units of the data.

    Biased upward: between finite samples of one law it is positive. The error is that of a jackknife that leaves out
    each of 20 groups of points in turn, together with the spread over directions. Direction i depends on key and i
    only. Cost: one product of (n + m, d) by (d, projections) and 21 passes over its sorted values; memory blocks of
    8 MB and a float64 copy of the points.

    Raises ValueError for different event shapes, NaN, fewer than 4 points on a side, p below 1 or above 32, and
    projections < 1. Source: Rabin et al., "Wasserstein barycenter and its application to texture mixing", SSVM 2011.
    """
    if not 1 <= p <= MOST_ORDER:
        raise ValueError(f"`p` must be between 1 and {MOST_ORDER}, but is {p}.")
    check_key(key)
    check_count("projections", projections)
    first, second = as_row_pair(a, b, ("a", "b"))
    direction_key, group_key = jax.random.split(key)
    labels = _jackknife_labels(len(first), len(second), key=group_key)
    # in float32, so that the directions are the same with and without x64
    theta = indexed_normals(direction_key, jnp.arange(projections), first.shape[1:], jnp.float32)
    theta = np.asarray(theta, np.float64)
    theta /= np.linalg.norm(theta, axis=1, keepdims=True)
    pooled, unit = _pooled(first, second)
    stride = max(1, BLOCK**2 // len(pooled))
    blocks = [theta[i : i + stride] for i in range(0, projections, stride)]
    by_direction = np.concatenate([_line_distances(pooled, block, labels, p) for block in blocks], axis=1)
    distances = _power_mean(by_direction, np.full(projections, 1 / projections), p)
    powers = (by_direction[0] / (distances[0] or 1)) ** p
    spread = powers.std() / np.sqrt(projections)
    return _jackknife_estimate(distances, unit, other_error=distances[0] * spread / p)


def energy_distance(a: Points, b: Points, *, key: RandomKey) -> Estimate:
    """Energy distance, unbiased and without a square root: `2 E|X - Y| - E|X - X'| - E|Y - Y'|`.

    X, X' from the law of a, Y, Y' from that of b; pairs of a point with itself are left out, so the mean at equal laws
    is 0 and values may be negative. In the units of the data (SciPy's `energy_distance` is the square root of the
    biased version). The error is that of a jackknife that leaves out each of 20 groups of points in turn, which `key`
    draws.

    Accuracy: distances by matrix products of centred float64 points, 1e-8 of the spread of the data at worst.
    Cost: one product of (n + m, d) by (d, n + m); memory a float64 copy of the points and 1024 (n + m) numbers.

    Raises ValueError for different event shapes, NaN, and fewer than 4 points on a side.
    Source: Szekely and Rizzo, "Energy statistics", J. Stat. Plan. Inference 143, 1249 (2013).
    """
    first, second = as_row_pair(a, b, ("a", "b"))
    labels = _jackknife_labels(len(first), len(second), key=key)
    in_a, in_b = (labels == A).astype(np.float64), (labels == B).astype(np.float64)
    sums = np.zeros((3, len(labels)))
    pooled, unit = _pooled(first, second)
    for start in range(0, len(pooled), BLOCK):
        rows = slice(start, start + BLOCK)
        distance = _distances(pooled, rows)
        to_a, to_b = distance @ in_a.T, distance @ in_b.T
        from_a, from_b = in_a[:, rows].T, in_b[:, rows].T
        sums += np.stack([(from_a * to_b).sum(0), (from_a * to_a).sum(0), (from_b * to_b).sum(0)])
    n, m = in_a.sum(axis=1), in_b.sum(axis=1)
    return _jackknife_estimate(2 * sums[0] / (n * m) - sums[1] / (n * (n - 1)) - sums[2] / (m * (m - 1)), unit)


def _pooled(first, second):
    """All points in double precision about their mean, in units of their largest coordinate there, and that unit."""
    pooled = np.concatenate([first, second]).astype(np.float64)
    # units are powers of two, which cost no digits; the first keeps the mean in range
    unit = _power_of_two(pooled)
    pooled /= unit
    pooled -= pooled.mean(axis=0)
    within = _power_of_two(pooled)
    return pooled / within, unit * within


def _power_of_two(values):
    """The largest that is not above all of the values, so that it is a float itself."""
    return 2.0 ** (np.frexp(np.abs(values).max())[1] - 1)


def _power_mean(values, weights, p):
    """`(sum_k w_k v_k^p)^(1/p)` of each row of values >= 0, in units of its largest, so that no power is lost."""
    largest = values.max(axis=-1, keepdims=True)
    return largest[..., 0] * ((values / np.where(largest > 0, largest, 1)) ** p @ weights) ** (1 / p)


def _line_distances(pooled, directions, labels, p):
    """`(integral |F^-1 - G^-1|^p)^(1/p)` for each row of labels and each direction; pooled values are sorted once."""
    values = directions @ pooled.T
    order = np.argsort(values, axis=1)
    values = np.take_along_axis(values, order, axis=1)
    return np.stack([_line_distance(values, row[order], p) for row in labels])


def _line_distance(values, labels, p):
    """`(integral |F^-1 - G^-1|^p)^(1/p)` of each direction, from values in ascending order and their labels."""
    first, second = (values[labels == side].reshape(len(values), -1) for side in (A, B))
    n, m = first.shape[1], second.shape[1]
    # both quantile functions are constant between the fractions i/n and j/m: whole numbers in units of 1/(n m)
    ticks = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    width = np.diff(ticks, prepend=0) / (n * m)
    return _power_mean(np.abs(first[:, (ticks - 1) // m] - second[:, (ticks - 1) // n]), width, p)


def _distances(centred, rows):
    """Euclidean distances of a block of points to all; squares rounded below 0 are 0, and a point is at 0 of itself."""
    squares = np.maximum(expanded_squares(centred[rows], centred), 0)
    block = np.arange(len(squares))
    squares[block, block + rows.start] = 0
    return np.sqrt(squares)


def _jackknife_labels(n: int, m: int, *, key: RandomKey) -> Int8[np.ndarray, "statistics pooled"]:
    """Rows of labels of the n + m pooled points: as given, then without each jackknife group in turn.

    Groups are random, drawn apart in a and b, and of equal size up to one point.
    """
    if min(n, m) < 4:
        raise ValueError(f"`a` and `b` must hold at least 4 points each, but hold {n} and {m}.")
    labels, count = np.repeat(np.array([A, B], np.int8), [n, m]), min(GROUPS, n, m)
    ranks = [jax.random.permutation(k, jnp.arange(size)) for k, size in zip(jax.random.split(key), (n, m))]
    groups = np.concatenate(ranks) % count
    return np.stack([labels, *(np.where(groups == g, np.int8(LEFT_OUT), labels) for g in range(count))])


def _jackknife_estimate(
    statistics: Float[np.ndarray, "statistics"], unit: float, *, other_error: float = 0.0
) -> Estimate:
    """The estimate from one statistic for each row of labels, in this unit; `other_error` is independent of them."""
    value, without = statistics[0], statistics[1:]
    # leaving out one of G groups moves the statistic by 1/(G - 1) of that group's influence, hence the factor G - 1
    own_error = np.sqrt(len(without) - 1) * without.std()
    return Estimate(float(unit * value), float(unit * np.hypot(own_error, other_error)))
