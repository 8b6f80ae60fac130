"""Scores: what a denoiser knows, for one point at one noise level."""

from .base import AbstractDenoiser as AbstractDenoiser
from .base import AbstractDensity as AbstractDensity
from .base import AbstractMixture as AbstractMixture
from .base import AbstractScore as AbstractScore
from .commitment import Commitment as Commitment
from .empirical import Empirical as Empirical
from .gaussian import Gaussian as Gaussian
from .gaussian_mixture import GaussianMixture as GaussianMixture
from .guided import Guided as Guided
from .low_rank_mixture import LowRankMixture as LowRankMixture
from .wrappers import FromFunction as FromFunction
from .wrappers import FromHost as FromHost
from .wrappers import FromNoisePrediction as FromNoisePrediction
from .wrappers import FromVelocity as FromVelocity
