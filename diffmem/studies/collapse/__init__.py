"""When generated points become copies of training points, as a function of n, d and time."""

from .defaults import default_dimensions, default_sizes
from .learners import EmpiricalLearner, GaussianLearner, Learner, MixtureLearner, MLPLearner, RandomFeatureLearner
from .study import collapse

__all__ = [
    "EmpiricalLearner",
    "GaussianLearner",
    "Learner",
    "MLPLearner",
    "MixtureLearner",
    "RandomFeatureLearner",
    "collapse",
    "default_dimensions",
    "default_sizes",
]
