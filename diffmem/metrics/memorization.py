"""Is a sample a copy? The nearest training point must be much nearer than the second."""

import warnings
from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Bool, Float, Int

from ..annotations import Points
from ..checks import check_number
from ..data.distinct import first_equal
from ..dataframe import rows_as_dataframe
from ..tensors import resolution
from .copies_by_label import CopiesByLabel, copies_by_label
from .neighbours.nearest import nearest
from .neighbours.rows import as_row_pair
from .neighbours.twins import are_beyond, neighbours_beyond, twin_distances
from .proportion import Interval, wilson
from .ranges import range_conflict

LAST_PLACES = 4  # units in the last place of the input by which rounding may carry a distance across the threshold


class Memorization(NamedTuple):
    """Distances of each sample to its two nearest distinct training points, and which samples count as copies."""

    d1: Float[np.ndarray, "count"]
    """Euclidean distance to the nearest training point, in the units of the data."""
    d2: Float[np.ndarray, "count"]
    """Euclidean distance to the nearest training point that is not equal to the first nor a twin of it; positive."""
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
    twins: Int[np.ndarray, "count"]
    """Number of distinct training points nearer than d2 that were left out as twins of the nearest."""
    twin_distance: Float[np.ndarray, "count"]
    """Distance from the nearest training point up to which others counted as its twins; 0: only equal ones."""
    by_label: CopiesByLabel | None
    """Copies among the samples of each label, if `labels` were given."""

    to_dataframe = rows_as_dataframe

    def __repr__(self) -> str:
        low, high = self.interval
        share = f"fraction={self.fraction:.3g} [{low:.3g}, {high:.3g}] of {len(self.d1)} samples"
        near = np.count_nonzero(self.twins)
        twins = f", {near} near a point with twins" if near else ""
        return f"Memorization({share}, d1/d2 < {self.threshold:.3g}{twins})"


def memorization(
    samples: Points,
    train: Points,
    ratio: float = 1 / 3,
    *,
    twins: float | None = None,
    labels: Int[ArrayLike, "count"] | None = None,
    compare_ranges: bool = True,
) -> Memorization:
    """Which samples are copies of training points: those much nearer to one of them than to any other.

    With d1 and d2 the Euclidean distances (not squared) of a sample to the nearest training point and to the nearest
    one that is another point of the data,

        copied = d1 < ratio d2,     fraction = share of the samples that are copied, with its 95 % Wilson interval.

    The comparison with the second neighbour makes the criterion free of units: where the data are dense, a copy must be
    nearer. Equal rows of `train` count as one point, since otherwise d1 = d2 for a copy of a repeated point; so do near
    twins, such as a picture and its second compression. `twins` is the distance from the nearest point, in the units of
    the data, up to which others are its twins; 0 merges equal rows only. By default twins are found by a gap: the first
    m neighbours of a point are its twins if they are nearer to it than `ratio` times the next one, and nearer than
    chance would put one point in a thousand; m is at most 11, or 767 where more are near in units of the typical
    distance of neighbours (`neighbours.twins.twin_distances` has the formula). The result says how many `twins` were
    left out for each sample, and up to which `twin_distance`.

    A sample on the threshold, up to 4 units in the last place of the coarser input dtype, is not a copy. `labels` are
    the classes of the samples, for which `by_label` gives the copies one by one.

    A warning is given where samples and training set seem to be in different units (`range_conflict`), unless
    `compare_ranges` is off, for instance for posterior means, which may lie close together.

    Example: the distances are (.1, .9), (1.5, 1.5) and (.1, 2.9).
        >>> import numpy as np
        >>> from diffmem import metrics
        >>> train = np.array([[0.0], [1.0], [4.0]])
        >>> metrics.memorization(np.array([[0.1], [2.5], [3.9]]), train)
        Memorization(fraction=0.667 [0.208, 0.939] of 3 samples, d1/d2 < 0.333)

    Cost and accuracy: those of `nearest` with k = 2, for the samples and, by default, for the training points that are
    nearest to them; one hash of every training point.

    Raises ValueError unless 0 < ratio <= 1, twins >= 0, labels are one integer for each sample and `train` holds two
    distinct points that are not all twins, and as `nearest` does.
    Source: the criterion of Yoon et al., ICML 2023 workshop "Diffusion probabilistic models generalize when they fail
    to memorize", as used in arXiv:2310.02664.
    """
    check_number("ratio", ratio)
    if not 0 < ratio <= 1:
        raise ValueError(f"`ratio` must be above 0 and at most 1, but is {ratio}.")
    if twins is not None and not twins >= 0:
        raise ValueError(f"`twins` must be a distance of at least 0, but is {twins}.")
    queries, points = as_row_pair(samples, train, ("samples", "train"))
    if labels is not None and np.shape(labels) != (len(queries),):
        raise ValueError(f"`labels` must be one for each of {len(queries)} samples, but have shape {np.shape(labels)}.")
    conflict = range_conflict(queries, points) if compare_ranges else None
    if conflict:
        warnings.warn(conflict, stacklevel=2)
    first = np.unique(first_equal(points))
    if len(first) < 2:
        raise ValueError(f"`train` must hold at least 2 distinct points, but holds 1 among {len(points)}.")
    distinct = points if len(first) == len(points) else points[first]
    slack = LAST_PLACES * max(np.finfo(np.float64).eps, *map(resolution, (samples, train, queries, points)))
    distance, index, passed, reach = _two_nearest(queries, distinct, ratio, twins, slack)
    d1, d2 = distance.T
    copied = d1 < ratio * d2 * (1 - slack)
    successes = int(copied.sum())
    return Memorization(
        d1,
        d2,
        first[index],
        d1 / d2,
        copied,
        successes / len(copied),
        wilson(successes, len(copied)),
        ratio,
        passed,
        reach,
        None if labels is None else copies_by_label(copied, labels),
    )


def _two_nearest(queries, points, ratio: float, twins: float | None, slack: float):
    """Both distances, the index of the first point, the number of its twins passed over, and their largest distance."""
    distance, index = nearest(queries, points, k=2)
    first, second = index.T
    reach = twin_distances(points, first, ratio) if twins is None else np.full(len(queries), float(twins))
    limit, passed = reach * (1 + slack), np.zeros(len(queries), np.int64)
    twin = ~are_beyond(points, first, second, limit)
    if twin.any():
        d2, passed[twin] = neighbours_beyond(queries[twin], points, first[twin], limit[twin], 1)
        distance = np.stack([distance[:, 0], np.where(twin, 0.0, distance[:, 1])], axis=1)
        distance[twin, 1] = d2[:, 0]
    return distance, first, passed, reach
