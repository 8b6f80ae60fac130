"""Training of scores: objectives, noise levels, weights, and one compiled loop that keeps snapshots.

A user's own network is a module that is called with `(x, noise)`: any Equinox module, or a Flax module wrapped in one
of three lines:

    class FlaxNetwork(eqx.Module):
        variables: dict
        apply: Callable = eqx.field(static=True)
        def __call__(self, x, noise): return self.apply(self.variables, x, noise)

`scores.Learned(network, prediction)` is then its score, which `training.fit` trains and every study accepts.
"""

from . import random_features, weights
from .distillation import ConsistencyDistillation, ConsistencyFunction, EndPointRegression, few_steps
from .fit import Training, fit, fit_many
from .gap_dropping import GapDropping, noise_gap
from .levels import AbstractLevels, Fixed, LogNormal, LogUniform, UniformTime
from .objective import AbstractObjective, AmbientScoreMatching, ScoreMatching, noisy_copies
from .random_features import *
from .snapshots import log_spaced

__all__ = [
    "AbstractLevels",
    "AbstractObjective",
    "AmbientScoreMatching",
    "ConsistencyDistillation",
    "ConsistencyFunction",
    "EndPointRegression",
    "Fixed",
    "GapDropping",
    "LogNormal",
    "LogUniform",
    "ScoreMatching",
    "Training",
    "UniformTime",
    "few_steps",
    "fit",
    "fit_many",
    "log_spaced",
    "noise_gap",
    "noisy_copies",
    "weights",
]
__all__ += random_features.__all__
