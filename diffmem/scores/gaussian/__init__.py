"""Gaussian laws and mixtures of them: their covariances, posteriors and fits."""

from .gaussian import Gaussian
from .low_rank import LowRankMixture
from .mixture import GaussianMixture

__all__ = ["Gaussian", "GaussianMixture", "LowRankMixture"]
