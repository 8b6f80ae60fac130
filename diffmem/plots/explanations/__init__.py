"""The figures of `diffmem explain`."""

from .explained import (
    collapse_against_number,
    collapse_of_points,
    explained,
    explained_spectrum,
    own_weight_against_noise,
)

__all__ = [
    "collapse_against_number",
    "collapse_of_points",
    "explained",
    "explained_spectrum",
    "own_weight_against_noise",
]
