"""Which training points collapse first: the noise at which each of them, or its group, holds half of the weight.

Computed in NumPy, float64. Only the ratio sigma/alpha enters.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float, Int, Num

from ...annotations import Points, RandomKey
from .from_points import squares_and_projections

EXPONENTS = 2**23  # held at a time
SCANNED = 16  # ratios of the bracket at which a group is looked for that holds half of the weight
BISECTIONS = 16  # of a bracket of log(sigma/alpha) that is about 7 wide: 1e-4
CERTAIN, LOST = 20.0, 0.05  # distance over noise at which a point is told from another in any case, and in none
LARGEST = 700.0  # exponent


def point_collapse_ratios(
    points: Points,
    of: Int[ArrayLike, "m"] | None = None,
    *,
    key: RandomKey,
    groups: Int[ArrayLike, "n"] | None = None,
    repeats: Num[ArrayLike, "n"] | None = None,
    draws: int = 4,
) -> Float[np.ndarray, "m"]:
    """sigma/alpha at which each of the points at `of` (all by default) holds half of the posterior weight of its noisy
    copies: the root r_i of

        mean over z of G/(G + B) = 1/2,   G = sum of c_j e^(-E_j) over i's group,   B = sum of e^(-E_j) over the others,
        E_j = |y_i + r z - y_j|^2/(2 r^2) - |z|^2/2.

    A path of the exact score through the point commits to it there. Points far from all others (outliers) and repeated
    ones have the largest ratios: they collapse first. `groups` are labels of points that count as one, such as a
    picture and its second compression (by default each is its own), and `repeats` how often each point occurs: c_j,
    which multiplies the weight of the own group alone, so that repeating one point changes nothing for the others.

    The noises z, `draws` of them, belong to a point whatever else is asked for. A group that holds half of all weight
    never shares it: its ratio is inf. One that never holds half, as points of other groups lie at the same place, has
    the ratio 0. A group of several points may have several roots: the largest, at which a path comes by first.

    Cost: 16 x m x n x draws exponentials, twice as many for groups, and m n d (draws + 1) products; memory: about
    200 MB. Accuracy: 1e-3 of the ratio, beside the scatter of few draws: with 4 of them some 15 % of the ratio, 25 % in
    two dimensions and 60 % on a line, and less as draws^(-1/2).

    Raises ValueError for fewer than 2 points, values that are not finite and shapes that do not fit.
    Source: derived; the own weight is that of Biroli et al., arXiv:2402.18491, point by point.
    """
    flat = _flat(points)
    n = len(flat)
    of = np.arange(n) if of is None else np.asarray(of)
    groups = np.arange(n) if groups is None else np.asarray(groups)
    repeats = np.ones(n) if repeats is None else np.asarray(repeats, np.float64)
    if groups.shape != (n,) or repeats.shape != (n,):
        raise ValueError(
            f"`groups` and `repeats` must hold {n} entries each, but have shapes {groups.shape} and {repeats.shape}."
        )
    found, step = np.empty(len(of)), max(1, EXPONENTS // (n * draws))
    for start in range(0, len(of), step):
        part = of[start : start + step]
        square, projection = squares_and_projections(flat, part, _noise(flat, part, key, draws))
        own = groups[part][:, None] == groups
        found[start : start + step] = _roots(square, projection, own, repeats)
    return found


def _flat(points) -> np.ndarray:
    points = np.asarray(points, np.float64)
    if points.ndim < 2 or len(points) < 2:
        raise ValueError(f"`points` must hold at least 2 points (n, *shape), but have shape {points.shape}.")
    if not np.isfinite(points).all():
        raise ValueError("`points` must be finite, but a value is NaN or infinite.")
    flat = points.reshape(len(points), -1)
    return flat - np.median(flat, axis=0)  # a few points far away cost the others no digits


def _noise(flat, part, key, draws: int) -> np.ndarray:
    """The noises z of each point i, (draws, m, d)."""
    noise = jax.vmap(lambda i: jax.random.normal(jax.random.fold_in(key, i), (draws, flat.shape[1])))
    return np.moveaxis(np.asarray(noise(jnp.asarray(part)), np.float64), 1, 0)


def _roots(square, projection, own, repeats) -> np.ndarray:
    """Bisection in log(sigma/alpha), each point in its own bracket; 0 where no ratio is found with half of the weight.

    The bracket is that of the distances to other groups that are not 0, up to the largest within the group.
    """
    signed = np.where(own, repeats, -1.0)
    away = np.where(own | (square == 0), np.nan, np.sqrt(square))
    away[np.isnan(away).all(axis=1)] = 1.0
    low = np.log(np.nanmin(away, axis=1) / CERTAIN)
    high = np.log(np.maximum(np.nanmax(away, axis=1), np.sqrt(square.max(axis=1))) / LOST)

    def holds(log_ratio, rows=slice(None)):
        return _lead(square[rows], projection[:, rows], signed[rows], np.exp(log_ratio)) > 0

    found = holds(low)
    # only in a group of several points may the weight rise with the noise: from the last of these ratios on it falls
    several = np.flatnonzero(own.sum(axis=1) > 1)
    for place in np.linspace(low[several], high[several], SCANNED, endpoint=False)[1:]:
        above = holds(place, several)
        found[several] |= above
        low[several] = np.where(above, place, low[several])
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        above = holds(middle)
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    ratio = np.where(found, np.exp((low + high) / 2), 0.0)
    return np.where(signed.sum(axis=1) >= 0, np.inf, ratio)


def _lead(square, projection, signed, ratio) -> np.ndarray:
    """Twice the mean weight of the own group, less 1, at a ratio of each point; `signed` is negative for the others."""
    r = ratio[:, None]
    energy = square / (2 * r**2) + projection / r
    factor = np.exp(np.minimum(-energy, LARGEST))
    # at one place the factors are 1: summed alone they may cancel, and the rest decides, however small
    here = np.where(square == 0, signed, 0.0)
    lead = here.sum(axis=1) + np.einsum("zmn,mn->zm", factor, signed - here)
    return (lead / np.einsum("zmn,mn->zm", factor, np.abs(signed))).mean(axis=0)
