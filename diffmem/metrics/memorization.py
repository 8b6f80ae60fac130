"""Is a sample a copy? The nearest training point must be much nearer than the second."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Bool, Float, Int, Real

from ..data.distinct import first_equal
from .neighbours.nearest import nearest
from .neighbours.rows import as_row_pair
from .proportion import Interval, wilson

LAST_PLACES = (
    4  # units in the last place of the input by which two coordinates on the threshold may be rounded across it
)


class Memorization(NamedTuple):
    """Distances of each sample to its two nearest distinct training points, and which samples count as copies."""

    d1: Float[np.ndarray, "count"]
    """Euclidean distance to the nearest training point, in the units of the data."""
    d2: Float[np.ndarray, "count"]
    """Euclidean distance to the nearest training point that differs from the first; always positive."""
    index: Int[np.ndarray, "count"]
    """Row of the nearest point in the training set, its first occurrence where it is repeated."""
    ratio: Float[np.ndarray, "count"]
    """d1 / d2: 0 on a training point, 1 at a tie."""
    copied: Bool[np.ndarray, "count"]
    """d1 < ratio d2."""
    fraction: float
    """Share of the samples that are copies."""
    interval: Interval
    """Its 95 % Wilson interval."""


def memorization(
    samples: Real[ArrayLike, "count ..."], train: Real[ArrayLike, "n ..."], ratio: float = 1 / 3
) -> Memorization:
    """Which samples are copies? `copied = d1 < ratio d2`, Euclidean distances (not squared) to the two nearest points.

    Rows of `train` that are equal count as one point, for otherwise d1 = d2 for a copy of a repeated point. The
    inequality is strict: a sample on the threshold up to 4 units in the last place of the coarser input dtype is not a
    copy.
    Cost and accuracy of `nearest` with k = 2, plus one hash of every training point.

    Raises ValueError unless 0 < ratio <= 1 and `train` holds two distinct points, and as `nearest` does.
    Source: the criterion of Yoon et al., ICML 2023 workshop "Diffusion probabilistic models generalize when they fail
    to memorize", as used in arXiv:2310.02664.
    """
    if not 0 < ratio <= 1:
        raise ValueError(f"`ratio` must be above 0 and at most 1, but is {ratio}.")
    queries, points = as_row_pair(samples, train, ("samples", "train"))
    first = np.flatnonzero(first_equal(points) == np.arange(len(points)))
    if len(first) < 2:
        raise ValueError(f"`train` must hold at least 2 distinct points, but its {len(points)} rows are all equal.")
    distinct = points if len(first) == len(points) else points[first]
    distance, index = nearest(queries, distinct, k=2)
    d1, d2 = distance.T
    copied = d1 < ratio * d2 * (1 - LAST_PLACES * _resolution(queries, points))
    successes = int(copied.sum())
    return Memorization(
        d1, d2, first[index[:, 0]], d1 / d2, copied, successes / len(copied), wilson(successes, len(copied))
    )


def _resolution(*arrays):
    """Relative spacing of the coarsest floating dtype among the arrays; integers are exact, the distances float64."""
    floating = [array.dtype for array in arrays if jnp.issubdtype(array.dtype, jnp.floating)]
    return max(float(jnp.finfo(dtype).eps) for dtype in [np.dtype(np.float64), *floating])
