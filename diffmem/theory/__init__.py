"""Predictions: functions of explicit arguments, which share no code with the scores and integrators that test them.

Single numbers (`collapse_ratio`, `speciation_time`, ...) are computed in NumPy, float64, whatever JAX's precision is;
curves in `snr` or `ratio` are differentiable JAX functions of arrays of any shape. A process enters by sigma/alpha.
"""

from . import collapse, information, random_features, speciation
from . import random_energy as _random_energy  # whose function of this name hides it below
from .circle import (
    circle_attractors,
    circle_fluctuation,
    circle_log_density,
    circle_ridge,
    polygon_ripple,
    polygon_size,
)
from .clique_law import clique_probability
from .collapse import *
from .estimate import Estimate, mean_estimate
from .fitted_gaussians import gaussian_reproducibility_error
from .hidden_manifold import hidden_manifold_spectrum
from .information import *
from .loss_gaps import crossover_share, generalization_gap, partial_memorization_gap
from .loss_weights import noise_loss_weight, score_loss_weight, velocity_loss_weight
from .points import points_from_log
from .posterior_feedback import Atoms, Feedback, posterior_feedback, posterior_gain, posterior_gain_by_integral
from .random_energy import *
from .random_features import *
from .relu_autoencoder import memorizing_column_mass
from .speciation import *
from .spectrum import spectrum
from .tikhonov import tikhonov_contraction

__all__ = [
    "Atoms",
    "Estimate",
    "Feedback",
    "circle_attractors",
    "circle_fluctuation",
    "circle_log_density",
    "circle_ridge",
    "clique_probability",
    "crossover_share",
    "gaussian_reproducibility_error",
    "generalization_gap",
    "hidden_manifold_spectrum",
    "mean_estimate",
    "memorizing_column_mass",
    "noise_loss_weight",
    "partial_memorization_gap",
    "points_from_log",
    "polygon_ripple",
    "polygon_size",
    "posterior_feedback",
    "posterior_gain",
    "posterior_gain_by_integral",
    "score_loss_weight",
    "spectrum",
    "tikhonov_contraction",
    "velocity_loss_weight",
]
__all__ += collapse.__all__
__all__ += _random_energy.__all__
__all__ += information.__all__
__all__ += random_features.__all__
__all__ += speciation.__all__
