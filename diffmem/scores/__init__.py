"""Scores: denoisers and gradients of log-densities, for one point at one noise level."""

from . import parametrisation as predictions
from .ambient import Ambient
from .base import AbstractDenoiser, AbstractDensity, AbstractMixture, AbstractNoisePredictor, AbstractScore, Evaluation
from .callables import FromFunction, FromHost, FromNoisePrediction, FromVelocity
from .combined import Branches, GuidanceInterval, Guided, Switched
from .commitment import Commitment
from .empirical import Empirical
from .gaussian import Gaussian, GaussianMixture, LowRankMixture
from .learned import Learned
from .prompted import AbstractPrompted, Labelled, PromptedEmpirical, TokenPrompted
from .random_feature_ridge import RandomFeatureRidge
from .random_features import RandomFeatures
from .regularised import EmpiricalBayes, Tikhonov, constant_penalty, inverse_variance_penalty, lebesgue_penalty
from .smoothed import Smoothed, antithetic_offsets
from .tied_mixture import TiedMixture
from .widened import Widened

__all__ = [
    "AbstractDenoiser",
    "AbstractDensity",
    "AbstractMixture",
    "AbstractNoisePredictor",
    "AbstractPrompted",
    "AbstractScore",
    "Ambient",
    "Branches",
    "Commitment",
    "Empirical",
    "EmpiricalBayes",
    "Evaluation",
    "FromFunction",
    "FromHost",
    "FromNoisePrediction",
    "FromVelocity",
    "Gaussian",
    "GaussianMixture",
    "GuidanceInterval",
    "Guided",
    "Labelled",
    "Learned",
    "LowRankMixture",
    "PromptedEmpirical",
    "RandomFeatureRidge",
    "RandomFeatures",
    "Smoothed",
    "Switched",
    "TiedMixture",
    "Tikhonov",
    "TokenPrompted",
    "Widened",
    "antithetic_offsets",
    "constant_penalty",
    "inverse_variance_penalty",
    "lebesgue_penalty",
    "predictions",
]
