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
from .sweep import sweep as sweep
from .training_course import rise_time as rise_time
from .training_course import slope as slope
from .training_course import training_course as training_course
from .transition import transition as transition
