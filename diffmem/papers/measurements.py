"""From the numbers of an experiment to its measurements, as several papers need it."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from .base import Measurement


def measurements(values: Mapping[str, Any]) -> dict[str, Measurement]:
    """Numbers whose standard error is not known, by the keys of their claims."""
    return {key: Measurement(float(value)) for key, value in values.items()}


def farthest(values: Iterable[Any], centre: float) -> float:
    """The value that lies farthest from `centre`: the worst case of a claim with an interval around it."""
    return float(max(values, key=lambda value: abs(value - centre)))


def share(value: Any, count: int) -> Measurement:
    """A share of `count` independent draws, or a difference of two, with the standard error of a share."""
    p = min(abs(float(value)), 1.0)
    return Measurement(float(value), math.sqrt(p * (1 - p) / count))
