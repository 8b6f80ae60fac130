"""Distances between the laws behind two samples, each with its error and with its value when the laws are equal."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray, Real

from .neighbours.nearest import BLOCK, expanded_squares
from .neighbours.rows import as_row_pair
from .relabelling import A, B, Estimate, check_sizes, indicators, labellings, summarise


def sliced_wasserstein(
    a: Real[ArrayLike, "n ..."],
    b: Real[ArrayLike, "m ..."],
    *,
    key: PRNGKeyArray,
    projections: int = 128,
    p: float = 2,
    relabellings: int = 200,
) -> Estimate:
    """Sliced Wasserstein distance of order p, averaged over random directions theta on the unit sphere.

    `SW_p = (mean_theta integral_0^1 |F_theta^-1(u) - G_theta^-1(u)|^p du)^(1/p)`, with the p-th root, in the units of
    the data; F_theta^-1 and G_theta^-1 are the quantile functions of `theta.a` and `theta.b`, integrated exactly also
    for n != m.

    Biased upward: between finite samples of one law it is positive, by about `null`. `error` adds to the jackknife over
    points the spread over directions. Direction i depends on key and i only. Cost: one product of (n + m, d) by (d,
    projections) and relabellings + 21 passes over its sorted values; memory blocks of 8 MB, a float64 copy of the
    points and (n + m) x relabellings bytes.

    Raises ValueError for different event shapes, NaN, fewer than 4 points on a side, p < 1, and counts below 1.
    Source: Rabin et al., "Wasserstein barycenter and its application to texture mixing", SSVM 2011.
    """
    if not p >= 1:
        raise ValueError(f"`p` must be at least 1, but is {p}.")
    if not projections >= 1:
        raise ValueError(f"`projections` must be at least 1, but is {projections}.")
    first, second = as_row_pair(a, b, ("a", "b"))
    check_sizes(first, second, relabellings)
    direction_key, label_key = jax.random.split(key)
    directions = np.asarray(_normals(direction_key, jnp.arange(projections), first.shape[1]), np.float64)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    labels = labellings(len(first), len(second), relabellings, key=label_key)
    pooled = np.concatenate([first, second])
    stride = max(1, BLOCK**2 // len(pooled))
    blocks = [directions[i : i + stride] for i in range(0, projections, stride)]
    powers = np.concatenate([_transports(pooled, block, labels, p) for block in blocks], axis=1)
    distances = powers.mean(axis=1) ** (1 / p)
    by_direction = powers[0].std() / np.sqrt(projections) / max(powers[0].mean(), np.finfo(np.float64).tiny)
    return summarise(distances, relabellings, extra_error=distances[0] * by_direction / p)


def energy_distance(
    a: Real[ArrayLike, "n ..."], b: Real[ArrayLike, "m ..."], *, key: PRNGKeyArray, relabellings: int = 200
) -> Estimate:
    """Energy distance, unbiased and without a square root: `2 E|X - Y| - E|X - X'| - E|Y - Y'|`.

    X, X' from the law of a, Y, Y' from that of b; pairs of a point with itself are left out, so the mean at equal laws
    is 0 and values may be negative. In the units of the data (SciPy's `energy_distance` is the square root of the
    biased version).

    Accuracy: distances by matrix products of centred float64 points, 1e-8 of the spread of the data at worst.
    Cost: one product of (n + m, d) by (d, n + m) and one of (n + m, n + m) by (n + m, relabellings); memory a
    float64 copy of the points and (n + m) x (1024 + 2 relabellings) numbers.

    Raises ValueError for different event shapes, NaN, fewer than 4 points on a side, and relabellings < 1.
    Source: Szekely and Rizzo, "Energy statistics", J. Stat. Plan. Inference 143, 1249 (2013).
    """
    first, second = as_row_pair(a, b, ("a", "b"))
    check_sizes(first, second, relabellings)
    labels = labellings(len(first), len(second), relabellings, key=key)
    in_a, in_b = indicators(labels, A), indicators(labels, B)
    sums = np.zeros((3, len(labels)))
    pooled = np.concatenate([first, second]).astype(np.float64)
    pooled -= pooled.mean(axis=0)
    for start in range(0, len(pooled), BLOCK):
        rows = slice(start, start + BLOCK)
        distance = _distances(pooled, rows)
        to_a, to_b = distance @ in_a.T, distance @ in_b.T
        near = in_a[:, rows].T, in_b[:, rows].T
        sums += np.stack([(near[0] * to_b).sum(0), (near[0] * to_a).sum(0), (near[1] * to_b).sum(0)])
    n, m = in_a.sum(axis=1), in_b.sum(axis=1)
    statistics = 2 * sums[0] / (n * m) - sums[1] / (n * (n - 1)) - sums[2] / (m * (m - 1))
    return summarise(statistics, relabellings)


@partial(jax.jit, static_argnums=2)
def _normals(key, counts, d):
    """A standard normal vector for each count, in float32 so that it is the same with and without x64."""
    return jax.vmap(lambda i: jax.random.normal(jax.random.fold_in(key, i), (d,), jnp.float32))(counts)


def _transports(pooled, directions, labels, p):
    """`integral |F^-1 - G^-1|^p` for each row of labels and each direction; pooled values are sorted once."""
    values = directions @ pooled.T.astype(np.float64)
    order = np.argsort(values, axis=1)
    values = np.take_along_axis(values, order, axis=1)
    return np.stack([_transport(values, row[order], p) for row in labels])


def _transport(values, marks, p):
    """The same from values in ascending order and their labels."""
    first, second = (values[marks == side].reshape(len(values), -1) for side in (A, B))
    n, m = first.shape[1], second.shape[1]
    # both quantile functions are constant between the fractions i/n and j/m: whole numbers in units of 1/(n m)
    ticks = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    width = np.diff(ticks, prepend=0) / (n * m)
    return np.abs(first[:, (ticks - 1) // m] - second[:, (ticks - 1) // n]) ** p @ width


def _distances(centred, rows):
    """Euclidean distances of a block of points to all; squares rounded below 0 are 0, and a point is at 0 of itself."""
    squares = np.maximum(expanded_squares(centred[rows], centred), 0)
    block = np.arange(len(squares))
    squares[block, block + rows.start] = 0
    return np.sqrt(squares)
