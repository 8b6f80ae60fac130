"""Random-feature ridge regression: the resolvent, spectra, training times and learning curves."""

from .activation import ActivationMoments, activation_moments
from .learning_curves import LearningCurve, one_draw_learning_curve, ridge_learning_curve
from .resolvent import Resolvent, resolvent, spectral_atom, spectral_density
from .training_times import generalization_time, memorization_time, population_bulk, sample_bulk

__all__ = [
    "ActivationMoments",
    "LearningCurve",
    "Resolvent",
    "activation_moments",
    "generalization_time",
    "memorization_time",
    "one_draw_learning_curve",
    "population_bulk",
    "resolvent",
    "ridge_learning_curve",
    "sample_bulk",
    "spectral_atom",
    "spectral_density",
]
