"""Is a sample a copy? The nearest training point must be much nearer than the second."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from ..annotations import Points
from ..data.distinct import first_equal
from .neighbours.nearest import nearest
from .neighbours.rows import as_row_pair
from .proportion import Interval, wilson

LAST_PLACES = 4  # units in the last place of the input by which rounding may carry a distance across the threshold


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
    """d1 < threshold d2."""
    fraction: float
    """Share of the samples that count as copies."""
    interval: Interval
    """Its 95 % Wilson interval."""
    threshold: float
    """The `ratio` below which a sample counts as a copy."""

    def __repr__(self) -> str:
        low, high = self.interval
        share = f"fraction={self.fraction:.3g} [{low:.3g}, {high:.3g}] of {len(self.d1)} samples"
        return f"Memorization({share}, d1/d2 < {self.threshold:.3g})"


def memorization(samples: Points, train: Points, ratio: float = 1 / 3) -> Memorization:
    """Which samples are copies of training points: those much nearer to one of them than to any other.

    With d1 and d2 the Euclidean distances (not squared) of a sample to the nearest training point and to the nearest
    one that differs from it,

        copied = d1 < ratio d2,     fraction = share of the samples that are copied, with its 95 % Wilson interval.

    The comparison with the second neighbour makes the criterion free of units: where the data are dense, a copy must be
    nearer. Equal rows of `train` count as one point, since otherwise d1 = d2 for a copy of a repeated point. A sample
    on the threshold, up to 4 units in the last place of the coarser input dtype, is not a copy.

    Example: the distances are (.1, .9), (1.5, 1.5) and (.1, 2.9).
        >>> import numpy as np
        >>> from diffmem import metrics
        >>> train = np.array([[0.0], [1.0], [4.0]])
        >>> metrics.memorization(np.array([[0.1], [2.5], [3.9]]), train)
        Memorization(fraction=0.667 [0.208, 0.939] of 3 samples, d1/d2 < 0.333)

    Cost and accuracy: those of `nearest` with k = 2, plus one hash of every training point.

    Raises ValueError unless 0 < ratio <= 1 and `train` holds two distinct points, and as `nearest` does.
    Source: the criterion of Yoon et al., ICML 2023 workshop "Diffusion probabilistic models generalize when they fail
    to memorize", as used in arXiv:2310.02664.
    """
    if not 0 < ratio <= 1:
        raise ValueError(f"`ratio` must be above 0 and at most 1, but is {ratio}.")
    queries, points = as_row_pair(samples, train, ("samples", "train"))
    first = np.unique(first_equal(points))
    if len(first) < 2:
        raise ValueError(f"`train` must hold at least 2 distinct points, but its {len(points)} rows are all equal.")
    distinct = points if len(first) == len(points) else points[first]
    distance, index = nearest(queries, distinct, k=2)
    d1, d2 = distance.T
    copied = d1 < ratio * d2 * (1 - LAST_PLACES * _resolution(queries, points))
    successes = int(copied.sum())
    return Memorization(
        d1, d2, first[index[:, 0]], d1 / d2, copied, successes / len(copied), wilson(successes, len(copied)), ratio
    )


def _resolution(*arrays):
    """Relative spacing of the coarsest floating dtype among the arrays; integers are exact, the distances float64."""
    floating = [array.dtype for array in arrays if jnp.issubdtype(array.dtype, jnp.floating)]
    return max(float(jnp.finfo(dtype).eps) for dtype in [np.dtype(np.float64), *floating])
