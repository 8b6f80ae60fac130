"""Detectors of memorized prompts: statistics along the paths of a guided score, one number for each start.

All have the signature `detector(score, starts, process, times, key) -> statistic (count,)`, where `score` is guided
(`scores.Guided`), `starts` (count, *shape) are states at times[0], and the statistic is larger for memorized prompts.
`roc` compares the statistics of two groups of prompts. `token_significance` and the ablations beside it tell which
words of a prompt are responsible: a number for each slot.
"""

from .attention_entropy import attention_entropy, record_entropy
from .bright_ending import bright_ending, bright_mask, posterior_variance
from .curvature import curvature, score_difference
from .decomposition import Decomposition, decomposed, decomposition
from .guidance_gap import gap, guidance_gap
from .inversion import Inversion, cosine, inversion
from .local_dimension import Estimator, flipd, local_dimension, normal_bundle_dimension
from .noise_variance import noise_variance
from .paths import Measure, measured_along
from .roc import Roc, auc_interval, roc
from .spikiness import spikiness, unit_spread
from .token_significance import mass_ablation, token_ablation, token_significance

__all__ = [
    "Decomposition",
    "Estimator",
    "Inversion",
    "Measure",
    "Roc",
    "attention_entropy",
    "auc_interval",
    "bright_ending",
    "bright_mask",
    "cosine",
    "curvature",
    "decomposed",
    "decomposition",
    "flipd",
    "gap",
    "guidance_gap",
    "inversion",
    "local_dimension",
    "mass_ablation",
    "measured_along",
    "noise_variance",
    "normal_bundle_dimension",
    "posterior_variance",
    "record_entropy",
    "roc",
    "score_difference",
    "spikiness",
    "token_ablation",
    "token_significance",
    "unit_spread",
]
