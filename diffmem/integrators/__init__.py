"""Integrators: what carries a point along a process with a score, in either direction of time; sampling with them."""

from . import grids as grids
from .adaptive import ProbabilityFlow as ProbabilityFlow
from .adaptive import ReverseSDE as ReverseSDE
from .ancestral import Ancestral as Ancestral
from .base import AbstractIntegrator as AbstractIntegrator
from .base import AbstractOneStep as AbstractOneStep
from .base import AbstractStepper as AbstractStepper
from .base import Observer as Observer
from .ddim import DDIM as DDIM
from .dpm_solver_pp import DPMSolverPP as DPMSolverPP
from .dynamics import Node as Node
from .dynamics import reverse_drift as reverse_drift
from .dynamics import velocity as velocity
from .euler_maruyama import EulerMaruyama as EulerMaruyama
from .exponential_adams_bashforth import ExponentialAdamsBashforth as ExponentialAdamsBashforth
from .heun import Heun as Heun
from .likelihood import invert as invert
from .likelihood import log_likelihood as log_likelihood
from .multistep import AbstractMultistep as AbstractMultistep
from .predictor_corrector import PredictorCorrector as PredictorCorrector
from .sample import Samples as Samples
from .sample import sample as sample
