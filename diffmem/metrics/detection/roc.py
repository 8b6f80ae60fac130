"""How well a statistic tells two groups apart, with confidence intervals."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Real

from ...checks import check_finite
from ...representation import one_line
from ..proportion import NORMAL_QUANTILE, Interval, wilson

Statistics = Sequence[float] | Real[ArrayLike, "_"]
"""One number for each member of a group."""


class Roc(NamedTuple):
    """The receiver operating characteristic of a statistic that should be larger for positives."""

    auc: float
    """Probability that a positive has the larger statistic than a negative, ties counted half."""
    auc_interval: Interval
    """95 % interval of `auc`."""
    tpr: float
    """Share of positives above the threshold that a share `fpr` of the negatives exceeds at most."""
    tpr_interval: Interval
    """95 % interval of `tpr`, at this threshold."""
    threshold: float

    __repr__ = one_line


def roc(positives: Statistics, negatives: Statistics, *, fpr: float = 0.01) -> Roc:
    """AUC, and the true positive rate at a false positive rate of at most `fpr`, with 95 % intervals.

    The threshold is the smallest value above which at most `fpr` of the negatives lie, so that with fewer than 1/fpr
    negatives none is flagged. The interval of the AUC is the score interval of Hanley and McNeil's variance (Radiology
    143, 29, 1982), which does not shrink to a point at 1; that of the rate is Wilson's.

    Raises ValueError for empty groups, values that are not finite and `fpr` outside [0, 1).
    """
    from sklearn.metrics import roc_auc_score

    high, low = np.asarray(positives, np.float64), np.asarray(negatives, np.float64)
    for name, value in {"positives": high, "negatives": low}.items():
        if value.ndim != 1 or not value.size:
            raise ValueError(f"`{name}` must be a list of at least one number, but has shape {value.shape}.")
        check_finite(name, value)
    if not 0 <= fpr < 1:
        raise ValueError(f"`fpr` must be at least 0 and below 1, but is {fpr}.")
    auc = float(roc_auc_score([1] * high.size + [0] * low.size, np.concatenate([high, low])))
    threshold = float(np.sort(low)[low.size - 1 - int(fpr * low.size + 1e-9)])
    flagged = int((high > threshold).sum())
    interval = wilson(flagged, high.size)
    return Roc(auc, auc_interval(auc, high.size, low.size), flagged / high.size, interval, threshold)


def auc_interval(auc: float, positives: int, negatives: int) -> Interval:
    """All values A with `|auc - A| <= 1.96 se(A)`, by Hanley and McNeil's standard error of an area A."""
    grid = np.linspace(0, 1, 20_001)
    q1, q2 = grid / (2 - grid), 2 * grid**2 / (1 + grid)
    variance = grid * (1 - grid) + (positives - 1) * (q1 - grid**2) + (negatives - 1) * (q2 - grid**2)
    kept = grid[(auc - grid) ** 2 <= NORMAL_QUANTILE**2 * variance / (positives * negatives) + 1e-18]
    return Interval(float(kept.min(initial=auc)), float(kept.max(initial=auc)))
