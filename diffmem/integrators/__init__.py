"""Integrators: what carries a point along a process with a score, in either direction of time; sampling with them."""

from . import grids
from .adaptive import ProbabilityFlow, ReverseSDE
from .ancestral import Ancestral
from .base import AbstractIntegrator, AbstractOneStep, AbstractStepper, Observer
from .ddim import DDIM
from .dynamics import Node, reverse_drift, velocity
from .euler_maruyama import EulerMaruyama
from .heun import Heun
from .likelihood import LogLikelihoods, bits_per_dimension, invert, log_likelihood, log_likelihoods
from .lost_samples import LostSamplesError
from .multistep import AbstractMultistep, DPMSolverPP, ExponentialAdamsBashforth
from .predictor_corrector import PredictorCorrector
from .sample import Samples, sample

__all__ = [
    "DDIM",
    "AbstractIntegrator",
    "AbstractMultistep",
    "AbstractOneStep",
    "AbstractStepper",
    "Ancestral",
    "DPMSolverPP",
    "EulerMaruyama",
    "ExponentialAdamsBashforth",
    "Heun",
    "LogLikelihoods",
    "LostSamplesError",
    "Node",
    "Observer",
    "PredictorCorrector",
    "ProbabilityFlow",
    "ReverseSDE",
    "Samples",
    "bits_per_dimension",
    "grids",
    "invert",
    "log_likelihood",
    "log_likelihoods",
    "reverse_drift",
    "sample",
    "velocity",
]
