"""Extraction of training points from a model's samples, and the criteria by which a sample counts as one."""

from .adaptive_distance import AdaptiveDistance, adaptive_distance
from .clique import largest_clique, tile_distances
from .match_rates import MatchRates, match_rates
from .one_step import OneStep, one_step, template_mask
from .surrogate import ClassifierGuided, class_gaussians, surrogate_labels

__all__ = [
    "AdaptiveDistance",
    "ClassifierGuided",
    "MatchRates",
    "OneStep",
    "adaptive_distance",
    "class_gaussians",
    "largest_clique",
    "match_rates",
    "one_step",
    "surrogate_labels",
    "template_mask",
    "tile_distances",
]
