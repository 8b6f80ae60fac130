"""Collapse: where a path that started from a training point is attributed to that point again."""

from .clusters import (
    mixture_collapse_ratio,
    mixture_collapse_time,
    mixture_information,
    mixture_onset_ratio,
    mixture_onset_time,
)
from .each_point import point_collapse_ratios
from .excess_entropy import excess_entropy, gaussian_excess_entropy
from .extrapolation import MeasuredSizes, extrapolated_collapse_ratio, measured_sizes
from .from_points import InformationCurve, empirical_collapse_ratio, empirical_information, empirical_information_curve
from .onset import onset_ratio, onset_time
from .own_weight import gaussian_own_weight, own_weight
from .ratio import collapse_ratio, collapse_ratio_from_information, collapse_time
from .subsets import subset_collapse_ratio, subset_own_weight

__all__ = [
    "InformationCurve",
    "MeasuredSizes",
    "collapse_ratio",
    "collapse_ratio_from_information",
    "collapse_time",
    "empirical_collapse_ratio",
    "empirical_information",
    "empirical_information_curve",
    "excess_entropy",
    "extrapolated_collapse_ratio",
    "gaussian_excess_entropy",
    "gaussian_own_weight",
    "measured_sizes",
    "mixture_collapse_ratio",
    "mixture_collapse_time",
    "mixture_information",
    "mixture_onset_ratio",
    "mixture_onset_time",
    "onset_ratio",
    "onset_time",
    "own_weight",
    "point_collapse_ratios",
    "subset_collapse_ratio",
    "subset_own_weight",
]
