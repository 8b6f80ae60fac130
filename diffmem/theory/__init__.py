"""Predictions: functions of explicit arguments, which share no code with the scores and integrators that test them.

Single numbers (`collapse_ratio`, `speciation_time`, ...) are computed on the host in float64; curves in `snr` or
`ratio` are JAX functions of any shape, differentiable. Everything depends on a process through sigma/alpha.
"""

from .arguments import points_from_log as points_from_log
from .circle import circle_attractors as circle_attractors
from .circle import circle_fluctuation as circle_fluctuation
from .circle import circle_log_density as circle_log_density
from .circle import circle_ridge as circle_ridge
from .circle import polygon_ripple as polygon_ripple
from .circle import polygon_size as polygon_size
from .clones import clone_probability as clone_probability
from .clones import same_point_probability as same_point_probability
from .clones import two_delta_probability as two_delta_probability
from .collapse import collapse_ratio as collapse_ratio
from .collapse import collapse_ratio_from_information as collapse_ratio_from_information
from .collapse import collapse_time as collapse_time
from .empirical import InformationCurve as InformationCurve
from .empirical import empirical_collapse_ratio as empirical_collapse_ratio
from .empirical import empirical_information as empirical_information
from .empirical import empirical_information_curve as empirical_information_curve
from .estimate import Estimate as Estimate
from .estimate import mean_estimate as mean_estimate
from .excess_entropy import excess_entropy as excess_entropy
from .excess_entropy import gaussian_excess_entropy as gaussian_excess_entropy
from .information import gaussian_information as gaussian_information
from .information import gaussian_information_variance as gaussian_information_variance
from .information import gaussian_mmse as gaussian_mmse
from .isotropic import IsotropicGaussian as IsotropicGaussian
from .isotropic import UniformSphere as UniformSphere
from .loss_gaps import crossover_share as crossover_share
from .loss_gaps import generalization_gap as generalization_gap
from .loss_gaps import noise_loss_weight as noise_loss_weight
from .loss_gaps import partial_memorization_gap as partial_memorization_gap
from .loss_gaps import score_loss_weight as score_loss_weight
from .loss_gaps import velocity_loss_weight as velocity_loss_weight
from .monte_carlo import information_densities as information_densities
from .monte_carlo import information_density as information_density
from .monte_carlo import monte_carlo_information as monte_carlo_information
from .own_weight import gaussian_own_weight as gaussian_own_weight
from .own_weight import own_weight as own_weight
from .random_energy import RandomEnergy as RandomEnergy
from .random_energy import random_energy as random_energy
from .random_energy import random_energy_own_weight as random_energy_own_weight
from .speciation import asymptotic_speciation_ratio as asymptotic_speciation_ratio
from .speciation import asymptotic_speciation_time as asymptotic_speciation_time
from .speciation import speciation_ratio as speciation_ratio
from .speciation import speciation_time as speciation_time
from .spectrum import spectrum as spectrum
from .symmetry_breaking import bifurcation_time as bifurcation_time
from .symmetry_breaking import magnetization as magnetization
from .symmetry_breaking import susceptibility as susceptibility
from .symmetry_breaking import symmetry_breaking_time as symmetry_breaking_time
from .symmetry_breaking import two_delta_free_energy as two_delta_free_energy
