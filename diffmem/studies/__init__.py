"""Whole experiments in one call, as xarray datasets that hold what is measured beside what is predicted."""

from ..progress import shown_progress
from .collapse import (
    EmpiricalLearner,
    GaussianLearner,
    Learner,
    MixtureLearner,
    MLPLearner,
    RandomFeatureLearner,
    collapse,
    default_dimensions,
    default_sizes,
)
from .detection_benchmark import (
    Candidate,
    digit_prompts,
    gap_candidates,
    other_candidates,
    prompt_detection,
    separations,
)
from .feature_times import feature_spectrum, feature_times
from .forecast import forecast
from .loss_crossing import crossing_share, excess_losses
from .network_courses import network_courses, residual_networks, score_errors
from .sweep import sweep
from .training_course import rise_time, slope, training_course
from .transition import transition

__all__ = [
    "Candidate",
    "EmpiricalLearner",
    "GaussianLearner",
    "Learner",
    "MLPLearner",
    "MixtureLearner",
    "RandomFeatureLearner",
    "collapse",
    "crossing_share",
    "default_dimensions",
    "default_sizes",
    "digit_prompts",
    "excess_losses",
    "feature_spectrum",
    "feature_times",
    "forecast",
    "gap_candidates",
    "network_courses",
    "other_candidates",
    "prompt_detection",
    "residual_networks",
    "rise_time",
    "score_errors",
    "separations",
    "shown_progress",
    "slope",
    "sweep",
    "training_course",
    "transition",
]
