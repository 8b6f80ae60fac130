"""Scores: what a denoiser knows, for one point at one noise level."""

from . import predictions as predictions
from .ambient import Ambient as Ambient
from .base import AbstractDenoiser as AbstractDenoiser
from .base import AbstractDensity as AbstractDensity
from .base import AbstractMixture as AbstractMixture
from .base import AbstractScore as AbstractScore
from .commitment import Commitment as Commitment
from .empirical import Empirical as Empirical
from .empirical_bayes import EmpiricalBayes as EmpiricalBayes
from .gaussian import Gaussian as Gaussian
from .gaussian_mixture import GaussianMixture as GaussianMixture
from .guided import Guided as Guided
from .learned import Learned as Learned
from .low_rank_mixture import LowRankMixture as LowRankMixture
from .smoothed import Smoothed as Smoothed
from .smoothed import antithetic_offsets as antithetic_offsets
from .switched import Switched as Switched
from .tikhonov import Tikhonov as Tikhonov
from .tikhonov import constant_penalty as constant_penalty
from .tikhonov import inverse_variance_penalty as inverse_variance_penalty
from .tikhonov import lebesgue_penalty as lebesgue_penalty
from .widened import Widened as Widened
from .wrappers import FromFunction as FromFunction
from .wrappers import FromHost as FromHost
from .wrappers import FromNoisePrediction as FromNoisePrediction
from .wrappers import FromVelocity as FromVelocity
