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
from .label_network import (
    LabelledRecords,
    copied_by_label,
    generated_by_label,
    label_objective,
    labelled_records,
    log_snr_grid,
    train_label_network,
    untrained_label_network,
)
from .loss_crossing import crossing_share, excess_losses
from .network_courses import network_courses, residual_networks, score_errors
from .optimum import AgainstOptimum, against_optimum
from .sweep import sweep
from .training_course import rise_time, slope, training_course
from .transition import transition

__all__ = [
    "AgainstOptimum",
    "Candidate",
    "EmpiricalLearner",
    "GaussianLearner",
    "LabelledRecords",
    "Learner",
    "MLPLearner",
    "MixtureLearner",
    "RandomFeatureLearner",
    "against_optimum",
    "collapse",
    "copied_by_label",
    "crossing_share",
    "default_dimensions",
    "default_sizes",
    "digit_prompts",
    "excess_losses",
    "feature_spectrum",
    "feature_times",
    "forecast",
    "gap_candidates",
    "generated_by_label",
    "label_objective",
    "labelled_records",
    "log_snr_grid",
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
    "train_label_network",
    "training_course",
    "transition",
    "untrained_label_network",
]
