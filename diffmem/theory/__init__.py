"""Predictions: functions of explicit arguments, which share no code with the scores and integrators that test them.

Single numbers (`collapse_ratio`, `speciation_time`, ...) are computed on the host in float64; curves in `snr` or
`ratio` are JAX functions of any shape, differentiable. Everything depends on a process through sigma/alpha.
"""

from .arguments import points_from_log as points_from_log
from .clones import clone_probability as clone_probability
from .clones import empirical_clone_probability as empirical_clone_probability
from .clones import gaussian_clone_probability as gaussian_clone_probability
from .clones import same_point_probability as same_point_probability
from .clones import two_delta_probability as two_delta_probability
from .collapse import collapse_ratio as collapse_ratio
from .collapse import collapse_ratio_from_information as collapse_ratio_from_information
from .collapse import collapse_time as collapse_time
from .condensation import annealed_log_partition as annealed_log_partition
from .condensation import background_entropy as background_entropy
from .condensation import condensation_inverse_temperature as condensation_inverse_temperature
from .condensation import quenched_log_partition as quenched_log_partition
from .empirical import InformationCurve as InformationCurve
from .empirical import empirical_collapse_ratio as empirical_collapse_ratio
from .empirical import empirical_information as empirical_information
from .empirical import empirical_information_curve as empirical_information_curve
from .entropy_rate import Peaks as Peaks
from .entropy_rate import conditional_entropy_rate as conditional_entropy_rate
from .entropy_rate import discrete_entropy_rate as discrete_entropy_rate
from .entropy_rate import peaks as peaks
from .estimate import Estimate as Estimate
from .estimate import mean_estimate as mean_estimate
from .excess_entropy import excess_entropy as excess_entropy
from .excess_entropy import gaussian_excess_entropy as gaussian_excess_entropy
from .hidden_manifold import hidden_manifold_spectrum as hidden_manifold_spectrum
from .information import gaussian_information as gaussian_information
from .information import gaussian_information_variance as gaussian_information_variance
from .information import gaussian_mmse as gaussian_mmse
from .isotropic import IsotropicGaussian as IsotropicGaussian
from .isotropic import UniformSphere as UniformSphere
from .monte_carlo import information_densities as information_densities
from .monte_carlo import information_density as information_density
from .monte_carlo import monte_carlo_information as monte_carlo_information
from .onset import onset_ratio as onset_ratio
from .onset import onset_time as onset_time
from .own_weight import gaussian_own_weight as gaussian_own_weight
from .own_weight import own_weight as own_weight
from .random_energy import RandomEnergy as RandomEnergy
from .random_energy import random_energy as random_energy
from .random_energy import random_energy_own_weight as random_energy_own_weight
from .retained_dimension import participation_dimension as participation_dimension
from .retained_dimension import retained_dimension as retained_dimension
from .separated_mixture import mixture_collapse_ratio as mixture_collapse_ratio
from .separated_mixture import mixture_collapse_time as mixture_collapse_time
from .separated_mixture import mixture_information as mixture_information
from .separated_mixture import mixture_onset_ratio as mixture_onset_ratio
from .separated_mixture import mixture_onset_time as mixture_onset_time
from .speciation import asymptotic_speciation_ratio as asymptotic_speciation_ratio
from .speciation import asymptotic_speciation_time as asymptotic_speciation_time
from .speciation import speciation_ratio as speciation_ratio
from .speciation import speciation_time as speciation_time
from .spectrum import spectrum as spectrum
from .subsets import extrapolated_collapse_ratio as extrapolated_collapse_ratio
from .subsets import subset_collapse_ratio as subset_collapse_ratio
from .subsets import subset_own_weight as subset_own_weight
from .symmetry_breaking import magnetization as magnetization
from .symmetry_breaking import symmetry_breaking_time as symmetry_breaking_time
from .tikhonov import tikhonov_contraction as tikhonov_contraction
