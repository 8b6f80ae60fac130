"""Whole experiments in one call: measured beside predicted, as an xarray dataset."""

from ..progress import shown_progress as shown_progress
from .autoencoders import Autoencoder as Autoencoder
from .autoencoders import steered as steered
from .autoencoders import train_autoencoders as train_autoencoders
from .collapse import collapse as collapse
from .defaults import default_dimensions as default_dimensions
from .defaults import default_sizes as default_sizes
from .forecast import forecast as forecast
from .learners import EmpiricalLearner as EmpiricalLearner
from .learners import GaussianLearner as GaussianLearner
from .learners import Learner as Learner
from .learners import MixtureLearner as MixtureLearner
from .learners import MLPLearner as MLPLearner
from .same_noise import SameNoise as SameNoise
from .same_noise import networks_side_by_side as networks_side_by_side
from .sweep import sweep as sweep
from .training_course import rise_time as rise_time
from .training_course import slope as slope
from .training_course import training_course as training_course
from .transition import transition as transition
