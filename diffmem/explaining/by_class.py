"""The same for each class: what a model of one class alone, and one of all classes, does with its points."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .. import theory
from ..annotations import RandomKey
from ..data import Dataset
from .first_points import FirstPoints
from .merged_points import Distinct

MOST = 200  # classes, the largest
FEWEST = 3  # distinct points of a class that collapse
MOST_POINTS, QUERIES = 4000, 500


class OfClass(NamedTuple):
    """One class."""

    name: str
    points: int
    distinct: int
    speciation: float
    """sigma/alpha at which the leading direction within the class emerges from the noise."""
    spectrum_collapse: float
    """sigma/alpha at the collapse of the class alone by its covariance spectrum."""
    collapse: float
    """Measured for the points of the class alone, as a model that is told the class sees them; NaN for fewer than 3."""
    error: float
    in_set: float
    """Median over its points of sigma/alpha at their collapse among all points; NaN where none were examined."""


def by_class(data: Dataset, distinct: Distinct, first: FirstPoints, *, key: RandomKey) -> tuple[OfClass, ...] | None:
    """Each of the classes, the 200 largest where they are more, in the order of their labels; None without labels."""
    if data.labels is None:
        return None
    labels, names = data.labels, data.classes
    values, counts = np.unique(labels, return_counts=True)
    largest = np.sort(np.argsort(-counts, kind="stable")[:MOST])
    ratio_of = dict(zip(first.row.tolist(), first.ratio.tolist()))
    found = []
    for value, count in zip(values[largest], counts[largest]):
        rows = distinct.rows[labels[distinct.rows] == value]
        name = names[value] if names is not None and 0 <= value < len(names) else str(value)
        inside = [ratio_of[row] for row in rows.tolist() if row in ratio_of]
        median = float(np.median(inside)) if inside else math.nan
        found.append(OfClass(name, int(count), len(rows), *_alone(data.points[rows], key), median))
    return tuple(found)


def _alone(points: Float[np.ndarray, "m d"], key: RandomKey) -> tuple[float, float, float, float]:
    """Speciation, collapse by the spectrum, measured collapse and its error."""
    if len(points) < FEWEST:
        return (math.nan,) * 4
    spectrum = theory.spectrum(points)
    known = theory.speciation_ratio(spectrum), theory.collapse_ratio(len(points), spectrum)
    if len(points) > MOST_POINTS:
        return *known, math.nan, math.nan
    measured = theory.subset_collapse_ratio(points, len(points), key=key, queries=QUERIES)
    return *known, float(measured.value), float(measured.error)
