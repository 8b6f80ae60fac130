"""Training of scores: objectives, levels, weights, and one compiled loop that keeps snapshots.

A user's own network is a module that is called with `(x, noise)`: any Equinox module, or a Flax one behind
`FlaxNetwork(variables, apply)` written in three lines:

    class FlaxNetwork(eqx.Module):
        variables: dict
        apply: Callable = eqx.field(static=True)
        def __call__(self, x, noise): return self.apply(self.variables, x, noise)

`scores.Learned(network, prediction)` is then its score, `training.fit` trains it, every study takes the result.
"""

from . import weights as weights
from .distillation import ConsistencyDistillation as ConsistencyDistillation
from .distillation import ConsistencyFunction as ConsistencyFunction
from .distillation import EndPointRegression as EndPointRegression
from .distillation import few_steps as few_steps
from .fit import Training as Training
from .fit import fit as fit
from .fit import fit_many as fit_many
from .levels import AbstractLevels as AbstractLevels
from .levels import Fixed as Fixed
from .levels import LogNormal as LogNormal
from .levels import LogUniform as LogUniform
from .levels import UniformTime as UniformTime
from .objective import AbstractObjective as AbstractObjective
from .objective import AmbientScoreMatching as AmbientScoreMatching
from .objective import ScoreMatching as ScoreMatching
from .objective import noisy_copies as noisy_copies
from .snapshots import log_spaced as log_spaced
