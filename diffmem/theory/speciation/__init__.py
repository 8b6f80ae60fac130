"""Speciation: where a path commits to a class of the data."""

from .clones import (
    clone_probability,
    empirical_clone_probability,
    gaussian_clone_probability,
    same_point_probability,
    two_delta_probability,
)
from .speciation import asymptotic_speciation_ratio, asymptotic_speciation_time, speciation_ratio, speciation_time
from .symmetry_breaking import (
    bifurcation_time,
    magnetization,
    susceptibility,
    symmetry_breaking_time,
    two_delta_free_energy,
)

__all__ = [
    "asymptotic_speciation_ratio",
    "asymptotic_speciation_time",
    "bifurcation_time",
    "clone_probability",
    "empirical_clone_probability",
    "gaussian_clone_probability",
    "magnetization",
    "same_point_probability",
    "speciation_ratio",
    "speciation_time",
    "susceptibility",
    "symmetry_breaking_time",
    "two_delta_free_energy",
    "two_delta_probability",
]
