"""Confidence intervals of a probability from a measured fraction."""

import math
from typing import NamedTuple

import numpy as np

from ..checks import check_number
from ..representation import one_line

NORMAL_QUANTILE = 1.959963984540054  # of probability .975: two-sided 95 %


class Interval(NamedTuple):
    """A confidence interval."""

    low: float
    high: float

    __repr__ = one_line


def wilson(successes: int | np.integer, trials: int | np.integer) -> Interval:
    """The 95 % score interval of a probability: all p with `|successes - trials p| <= 1.96 sqrt(trials p (1 - p))`.

    It never leaves [0, 1] and does not shrink to a point at 0 or `trials` successes (Wilson, J. Am. Stat. Assoc. 22,
    209, 1927).
    Raises ValueError unless 0 <= successes <= trials and trials >= 1.
    """
    check_number("successes", successes)
    check_number("trials", trials)
    if not (trials >= 1 and 0 <= successes <= trials):
        raise ValueError(f"`successes` must be between 0 and `trials` >= 1, but they are {successes} and {trials}.")
    # narrow integers of an array library would overflow
    m, n = float(successes), float(trials)
    return Interval(_lower(m, n), 1 - _lower(n - m, n))


def _lower(successes: float, trials: float) -> float:
    z = NORMAL_QUANTILE
    spread = z * math.sqrt(z * z + 4 * successes * (trials - successes) / trials)
    return (2 * successes + z * z - spread) / (2 * (trials + z * z))
