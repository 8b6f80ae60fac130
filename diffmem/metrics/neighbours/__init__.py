"""The nearest training points of samples: exact distances and order, found by matrix products."""

from .nearest import Neighbours, nearest

__all__ = [
    "Neighbours",
    "nearest",
]
