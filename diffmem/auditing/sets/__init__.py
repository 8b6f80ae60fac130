"""The sets of an audit: opened from arrays, files and folders, brought to one shape and range, read in blocks."""

from .agreement import agreeing, unit_of
from .opening import Reading, Source, opened
from .point_set import PointSet

__all__ = [
    "PointSet",
    "Reading",
    "Source",
    "agreeing",
    "opened",
    "unit_of",
]
