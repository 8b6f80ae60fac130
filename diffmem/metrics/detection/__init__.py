"""Detectors of memorized prompts: statistics along the paths of a guided score, one number for each start.

All have the signature `detector(score, starts, process, times, key) -> statistic (count,)`, where `score` is guided
(`scores.Guided`), `starts` (count, *shape) are states at times[0], and the statistic is larger for memorized prompts.
`roc` compares the statistics of two groups of prompts. `inversion` takes targets in place of starts: how far noise must
move for a given point to be generated.
"""

from .attention_entropy import attention_entropy, record_entropy
from .guidance_gap import gap, guidance_gap
from .inversion import Inversion, cosine, inversion
from .local_dimension import Estimator, flipd, local_dimension, normal_bundle_dimension
from .paths import Measure, measured_along
from .roc import Roc, auc_interval, roc

__all__ = [
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
