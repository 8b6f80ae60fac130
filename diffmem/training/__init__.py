"""Training of scores: objectives, noise levels, weights, and one compiled loop that keeps snapshots.

A user's own network is a module that is called with `(x, noise)`: any Equinox module, or a Flax module wrapped in one
of three lines:

    class FlaxNetwork(eqx.Module):
        variables: dict
        apply: Callable = eqx.field(static=True)
        def __call__(self, x, noise): return self.apply(self.variables, x, noise)

`scores.Learned(network, prediction)` is then its score, which `training.fit` trains and every study accepts.
"""

from . import weights
from .distillation import ConsistencyDistillation, ConsistencyFunction, EndPointRegression, few_steps
from .fit import Training, fit, fit_many
from .gap_dropping import GapDropping, noise_gap
from .levels import AbstractLevels, Fixed, LogNormal, LogUniform, UniformTime
from .objective import AbstractObjective, AmbientScoreMatching, ScoreMatching, noisy_copies
from .random_features import (
    FeatureFit,
    FeatureModes,
    FeatureMoments,
    FitErrors,
    descend_random_features,
    equivalent_feature_moments,
    equivalent_modes,
    exact_feature_moments,
    fit_random_features,
    sampled_feature_moments,
)
from .snapshots import log_spaced

__all__ = [
    "AbstractLevels",
    "AbstractObjective",
    "AmbientScoreMatching",
    "ConsistencyDistillation",
    "ConsistencyFunction",
    "EndPointRegression",
    "FeatureFit",
    "FeatureModes",
    "FeatureMoments",
    "FitErrors",
    "Fixed",
    "GapDropping",
    "LogNormal",
    "LogUniform",
    "ScoreMatching",
    "Training",
    "UniformTime",
    "descend_random_features",
    "equivalent_feature_moments",
    "equivalent_modes",
    "exact_feature_moments",
    "few_steps",
    "fit",
    "fit_many",
    "fit_random_features",
    "log_spaced",
    "noise_gap",
    "noisy_copies",
    "sampled_feature_moments",
    "weights",
]
