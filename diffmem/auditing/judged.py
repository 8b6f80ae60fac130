"""The rules: what is measured on each point, from which value on it counts as a copy, and how often it does."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ..metrics import Interval
from ..representation import one_line
from .shares import Excess, Share, excess, share

CURVE = 201  # thresholds of a curve


class Judged(NamedTuple):
    """One rule, applied to the samples and to the controls."""

    name: str
    statement: str
    """The rule, in a sentence."""
    threshold: float
    """Points with a lower value count as copies."""
    value: Float[np.ndarray, "samples"]
    """What is measured on each sample: the lower, the nearer to a training point."""
    control: Float[np.ndarray, "controls"]
    """The same for points that are no copies."""
    slack: float = 0.0
    """Share of the threshold by which rounding may move a value; values so near to it are no copies."""
    dimension: float | None = None
    """Exponent of the tail of the control, where the threshold was taken from it."""
    row: Int[np.ndarray, "samples"] | None = None
    """The training point that is nearest by this measure; None: the nearest by d1."""

    __repr__ = one_line

    @property
    def copied(self) -> Bool[np.ndarray, "samples"]:
        """Which samples count as copies."""
        return self.holds(self.value)

    @property
    def samples(self) -> Share:
        """How many of the samples."""
        return share(self.copied)

    @property
    def controls(self) -> Share | None:
        """How many of the controls; None where there are none."""
        return share(self.holds(self.control)) if len(self.control) else None

    @property
    def excess(self) -> Excess | None:
        """By how much the samples exceed the controls."""
        return None if self.controls is None else excess(self.samples, self.controls)

    @property
    def fraction(self) -> float:
        """Share of the samples that count as copies."""
        return self.samples.fraction

    @property
    def interval(self) -> Interval:
        """Its exact 95 % interval."""
        return self.samples.interval

    def holds(self, value: Float[np.ndarray, "count"]) -> Bool[np.ndarray, "count"]:
        """For which points the rule holds."""
        return value < self.threshold * (1 - self.slack)

    @property
    def grid(self) -> Float[np.ndarray, "thresholds"]:
        """Thresholds of the curve, from 0 to the largest value of interest."""
        largest = 1.0 if self.name == "ratio" else float(np.quantile(np.concatenate([self.value, self.control]), 0.995))
        return np.linspace(0, max(largest, 1.5 * self.threshold), CURVE)


def fraction_below(value: Float[np.ndarray, "count"], grid: Float[np.ndarray, "m"]) -> Float[np.ndarray, "m"]:
    """The share of the values below each threshold."""
    if not len(value):
        return np.full(len(grid), np.nan)
    return np.searchsorted(np.sort(value), grid, side="left") / len(value)
