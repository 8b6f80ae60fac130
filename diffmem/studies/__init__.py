"""Whole experiments in one call: measured beside predicted, as an xarray dataset."""

from ..progress import shown_progress as shown_progress
from .collapse import collapse as collapse
from .defaults import default_dimensions as default_dimensions
from .defaults import default_sizes as default_sizes
from .forecast import forecast as forecast
from .learners import EmpiricalLearner as EmpiricalLearner
from .learners import GaussianLearner as GaussianLearner
from .learners import Learner as Learner
from .learners import MixtureLearner as MixtureLearner
from .learners import MLPLearner as MLPLearner
from .learners import RandomFeatureLearner as RandomFeatureLearner
from .loss_crossing import crossing_share as crossing_share
from .loss_crossing import excess_losses as excess_losses
from .network_courses import network_courses as network_courses
from .network_courses import residual_networks as residual_networks
from .network_courses import score_errors as score_errors
from .random_features import feature_spectrum as feature_spectrum
from .random_features import feature_times as feature_times
from .sweep import sweep as sweep
from .training_course import rise_time as rise_time
from .training_course import slope as slope
from .training_course import training_course as training_course
from .transition import transition as transition
