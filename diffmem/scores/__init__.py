"""Scores: what a denoiser knows, for one point at one noise level."""

from .base import AbstractDenoiser as AbstractDenoiser
from .base import AbstractDensity as AbstractDensity
from .base import AbstractMixture as AbstractMixture
from .base import AbstractScore as AbstractScore
from .empirical import Empirical as Empirical
