"""Mutual information between a point and its noisy copy, and what follows from it."""

from .bernoulli import bernoulli_divergence
from .entropy_rate import Peaks, conditional_entropy_rate, discrete_entropy_rate, peaks
from .gaussian_channel import gaussian_information, gaussian_information_variance, gaussian_mmse
from .monte_carlo import information_densities, information_density, monte_carlo_information
from .retained_dimension import participation_dimension, retained_dimension

__all__ = [
    "Peaks",
    "bernoulli_divergence",
    "conditional_entropy_rate",
    "discrete_entropy_rate",
    "gaussian_information",
    "gaussian_information_variance",
    "gaussian_mmse",
    "information_densities",
    "information_density",
    "monte_carlo_information",
    "participation_dimension",
    "peaks",
    "retained_dimension",
]
