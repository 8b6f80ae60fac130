"""A threshold on distances, set so that hardly any point that is no copy lies below it."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ..representation import one_line

FALSE_COPIES = 0.01  # expected number among all samples
FEWEST = 30  # control distances, below which nothing is said of their tail
TAIL = 0.1  # share of the smallest control distances from which the tail is taken


class Threshold(NamedTuple):
    """A distance below which a sample counts as a copy, and how it was set."""

    distance: float
    """In the units of the data."""
    expected_false: float
    """How many of the samples would lie below it if they were drawn as the controls were."""
    dimension: float
    """Exponent of the tail: `P(d1 < r)` grows as r to this power."""
    controls: int
    """Number of control distances."""

    __repr__ = one_line


def calibrated(controls: Float[np.ndarray, "m"], samples: int) -> Threshold | None:
    """The distance below which .01 of all the samples would lie if none were a copy; None for fewer than 30 controls.

    Controls are distances of points that are no copies to their nearest training point. Their lower tail is a power
    law, as the number of points in a small ball is: with r_k the k-th smallest of m distances, k = m/10,

        P(d1 < r) = (k/m) (r/r_k)^D,    1/D = mean of log(r_k/r_i) over i < k    (Hill's estimator).

    The threshold is never above the smallest control distance. It is low where D is small: in few dimensions points
    come close by chance. Source: Hill, Ann. Stat. 3, 1163 (1975); Levina and Bickel, NIPS 2004, for D as a dimension.
    """
    m = len(controls)
    if m < FEWEST:
        return None
    ordered = np.sort(controls)
    k = max(10, int(TAIL * m))
    r_k, smallest = ordered[k - 1], ordered[0]
    if not smallest > 0:
        return Threshold(0.0, FALSE_COPIES, 0.0, m)
    logs = np.log(r_k / ordered[: k - 1]).mean()
    D = min(1 / logs, 1e3) if logs > 0 else 1e3
    share = FALSE_COPIES / samples
    distance = min(float(r_k * (share * m / k) ** (1 / D)), float(smallest))
    return Threshold(distance, FALSE_COPIES, float(D), m)
