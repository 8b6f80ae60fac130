"""From the numbers of an experiment to its measurements, as several papers need it."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .. import theory
from .base import Measurement


def measurements(values: Mapping[str, Any]) -> dict[str, Measurement]:
    """Numbers whose standard error is not known, by the keys of their claims."""
    return {key: Measurement(float(value)) for key, value in values.items()}


def farthest(values: Iterable[Any], centre: float) -> float:
    """The value farthest from `centre`, the worst case of a claim with an interval around it; NaN where any is NaN."""
    found = np.array([float(value) for value in values])
    return float(found[np.argmax(np.abs(found - centre))])


def share(value: Any, count: int) -> Measurement:
    """A share of `count` independent draws, or a difference of two, with the standard error of a share."""
    p = min(abs(float(value)), 1.0)
    return Measurement(float(value), math.sqrt(p * (1 - p) / count))


def highest_peak(x: np.ndarray, curve: np.ndarray) -> float:
    """Where a curve over positive x is highest, on a parabola in log x through the largest inner value and its
    neighbours; NaN where no inner value is a maximum."""
    found = theory.peaks(np.log(x), curve)
    return float(np.exp(found.position[np.argmax(found.height)])) if len(found.height) else math.nan
