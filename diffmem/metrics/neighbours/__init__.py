"""The nearest training points of samples, exactly: matrix products find candidates, differences decide."""

from .nearest import Neighbours, nearest

__all__ = [
    "Neighbours",
    "nearest",
]
