"""Figures of audits: how many samples count as copies, and how near samples and fresh data are to training points."""

from .copying_curves import copying_curves, neighbour_distances

__all__ = [
    "copying_curves",
    "neighbour_distances",
]
