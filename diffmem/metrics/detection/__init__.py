"""Detectors of memorized prompts: statistics along the paths of a guided score, one number for each start.

All have the signature `detector(score, starts, process, times, key) -> statistic (count,)`, where `score` is guided
(`scores.Guided`), `starts` (count, *shape) are states at times[0], and the statistic is larger for memorized prompts.
`roc` compares the statistics of two groups of prompts. `token_significance` and the ablations beside it tell which
words of a prompt are responsible: a number for each slot.
"""

from .curvature import curvature, score_difference
from .bright_ending import bright_ending, bright_mask, posterior_variance
from .decomposition import Decomposition, decomposed, decomposition
from .guidance_gap import gap, guidance_gap
from .noise_variance import noise_variance
`roc` compares the statistics of two groups of prompts. `inversion` takes targets in place of starts: how far noise must
move for a given point to be generated.
"""

from .attention_entropy import attention_entropy, record_entropy
from .guidance_gap import gap, guidance_gap
from .inversion import Inversion, cosine, inversion
from .local_dimension import Estimator, flipd, local_dimension, normal_bundle_dimension
from .paths import Measure, measured_along
from .roc import Roc, auc_interval, roc
from .token_significance import mass_ablation, token_ablation, token_significance

__all__ = [
    "Measure",
    "Roc",
    "auc_interval",
    "curvature",
    "gap",
    "guidance_gap",
    "mass_ablation",
    "measured_along",
    "noise_variance",
    "roc",
    "score_difference",
    "token_ablation",
    "token_significance",
    "Decomposition",
    "Measure",
    "Roc",
    "auc_interval",
    "bright_ending",
    "bright_mask",
    "decomposed",
    "decomposition",
    "gap",
    "guidance_gap",
    "measured_along",
    "posterior_variance",
    "roc",
]
from .spikiness import spikiness, unit_spread

__all__ = ["Measure", "Roc", "auc_interval", "gap", "guidance_gap", "measured_along", "roc", "spikiness", "unit_spread"]
    "Estimator",
    "Inversion",
    "Measure",
    "Roc",
    "attention_entropy",
    "auc_interval",
    "cosine",
    "flipd",
    "gap",
    "guidance_gap",
    "inversion",
    "local_dimension",
    "measured_along",
    "normal_bundle_dimension",
    "record_entropy",
    "roc",
]
