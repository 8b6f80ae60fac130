"""The random-energy model: the condensation of the weights of n random points."""

from .condensation import (
    annealed_log_partition,
    background_entropy,
    condensation_inverse_temperature,
    quenched_log_partition,
)
from .laws import IsotropicGaussian, UniformSphere
from .sampled import RandomEnergy, random_energy, random_energy_own_weight

__all__ = [
    "IsotropicGaussian",
    "RandomEnergy",
    "UniformSphere",
    "annealed_log_partition",
    "background_entropy",
    "condensation_inverse_temperature",
    "quenched_log_partition",
    "random_energy",
    "random_energy_own_weight",
]
