"""Samples and training sets in different units, such as [0, 1] beside [-1, 1], in which no sample is found a copy."""

from ..annotations import Points
from .neighbours.rows import as_row_pair

UNITS = ((-1.0, 1.0), (0.0, 1.0), (0.0, 255.0))
"""Ranges in which images are kept."""
MARGIN = 0.1  # of its width: how far the extremes of images may lie from the ends of their range
FACTOR = 7.0  # between the widths of two ranges, one of them known: digits run from 0 to 15 or 16


def range_conflict(samples: Points, train: Points) -> str | None:
    """A sentence that names both ranges where samples and training set seem to be in different units, else None.

    They do where the extremes of both lie at the ends (up to a tenth of the width) of different ranges among [-1, 1],
    [0, 1] and [0, 255], or those of one at the ends of such a range and the others are 7 times as wide.

    Raises ValueError as `nearest` does for two sets that do not fit.
    """
    sides = as_row_pair(samples, train, ("samples", "train"))
    (low, high), (least, most) = ends = [(float(side.min()), float(side.max())) for side in sides]
    units = [_unit(*end) for end in ends]
    narrow, wide = sorted(zip((last - first for first, last in ends), units), key=lambda side: side[0])
    if narrow[1] is None or narrow[1] == wide[1] or (wide[1] is None and wide[0] < FACTOR * narrow[0]):
        return None
    return (
        f"`samples` run from {low:.4g} to {high:.4g} and `train` from {least:.4g} to {most:.4g}: "
        "they seem to be in different units, in which no sample is near a training point."
    )


def _unit(low: float, high: float) -> tuple[float, float] | None:
    """The range at whose ends the extremes lie."""
    for first, last in UNITS:
        margin = MARGIN * (last - first)
        if abs(low - first) <= margin and abs(high - last) <= margin:
            return first, last
    return None
