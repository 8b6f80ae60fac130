"""Fractions with their intervals, and the comparison of samples with a control."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

from ..metrics import Interval, wilson
from ..representation import one_line

LEVEL = 0.05  # both intervals leave out so much
SIGNIFICANT = 0.01  # probability below which an excess is not put down to chance


class Share(NamedTuple):
    """How many of how many, with the exact interval of the probability behind it."""

    count: int
    of: int
    fraction: float
    interval: Interval

    __repr__ = one_line


class Excess(NamedTuple):
    """By how much a fraction exceeds that of a control."""

    difference: float
    interval: Interval
    p_value: float
    """Probability of so many among the samples, or more, if both had one probability."""

    __repr__ = one_line

    @property
    def significant(self) -> bool:
        """Whether chance is no likely explanation."""
        return self.p_value < SIGNIFICANT


def share(flags: Bool[np.ndarray, "count"]) -> Share:
    """The share of a set for which something holds, with its 95 % interval of Clopper and Pearson, which never covers
    less than it says.

    Source: Clopper and Pearson, Biometrika 26, 404 (1934).
    """
    return share_of(int(np.count_nonzero(flags)), len(flags))


def share_of(count: int, of: int) -> Share:
    """The share `count/of` with its exact 95 % interval; raises ValueError unless 0 <= count <= of and of >= 1."""
    from scipy.stats import beta

    if not (of >= 1 and 0 <= count <= of):
        raise ValueError(f"`count` must be between 0 and `of` >= 1, but they are {count} and {of}.")
    low = 0.0 if count == 0 else float(beta.ppf(LEVEL / 2, count, of - count + 1))
    high = 1.0 if count == of else float(beta.ppf(1 - LEVEL / 2, count + 1, of - count))
    return Share(count, of, count / of, Interval(low, high))


def excess(samples: Share, control: Share) -> Excess:
    """The difference of two fractions: Newcombe's 95 % interval, and Fisher's exact test against a larger one.

        low = (p - q) - sqrt((p - l_p)^2 + (u_q - q)^2),  high = (p - q) + sqrt((u_p - p)^2 + (q - l_q)^2)

    with [l, u] the Wilson intervals of p and q. Source: Newcombe, Stat. Med. 17, 873 (1998), method 10.
    """
    from scipy.stats import fisher_exact

    p, q = samples.fraction, control.fraction
    first, second = wilson(samples.count, samples.of), wilson(control.count, control.of)
    low = p - q - np.hypot(p - first.low, second.high - q)
    high = p - q + np.hypot(first.high - p, q - second.low)
    table = [[samples.count, samples.of - samples.count], [control.count, control.of - control.count]]
    p_value = float(fisher_exact(table, alternative="greater").pvalue)
    return Excess(p - q, Interval(max(-1.0, float(low)), min(1.0, float(high))), p_value)
