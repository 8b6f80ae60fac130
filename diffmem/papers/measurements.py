"""From the numbers of an experiment to its results, as several papers need it."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from .. import theory
from .base import Measurement, Results

Group = tuple[Mapping[str, Any], xr.Dataset]
"""What was found for a group of claims: numbers by the keys of claims, as `measurements` takes them, and curves."""


def together(*groups: Group) -> Results:
    """The results of a paper from those of its groups of claims."""
    numbers = {key: value for values, _ in groups for key, value in values.items()}
    return Results(measurements(numbers), xr.merge([curves for _, curves in groups]))


def measurements(values: Mapping[str, Any]) -> dict[str, Measurement]:
    """Measurements by the keys of their claims: of numbers, whose standard error is not known, and of pairs of a number
    and its standard error."""
    return {key: Measurement(*(float(part) for part in np.atleast_1d(value))) for key, value in values.items()}


def farthest(values: Any, centre: float) -> float:
    """The value farthest from `centre`, the worst case of a claim with an interval around it; NaN where any is NaN."""
    found = np.ravel(np.asarray(values, np.float64))
    return float(found[np.argmax(np.abs(found - centre))])


def farthest_mean(means: Iterable[tuple[Any, Any]], centre: float) -> Measurement:
    """Of several means, each with its standard error, the one farthest from `centre`."""
    return Measurement(*map(float, max(means, key=lambda mean: abs(mean[0] - centre))))


def share(value: Any, count: int) -> Measurement:
    """A share of `count` independent draws, or a difference of two, with the standard error of a share."""
    p = min(abs(float(value)), 1.0)
    return Measurement(float(value), math.sqrt(p * (1 - p) / count))


def highest_peak(x: np.ndarray, curve: np.ndarray) -> float:
    """Where a curve over positive x is highest, on a parabola in log x through the largest inner value and its
    neighbours; NaN where no inner value is a maximum."""
    found = theory.peaks(np.log(x), curve)
    return float(np.exp(found.position[np.argmax(found.height)])) if len(found.height) else math.nan
