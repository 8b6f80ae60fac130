"""Detectors of memorized prompts: statistics along the paths of a guided score, one number for each start.

All have the signature `detector(score, starts, process, times, key) -> statistic (count,)`, where `score` is guided
(`scores.Guided`), `starts` (count, *shape) are states at times[0], and the statistic is larger for memorized prompts.
`roc` compares the statistics of two groups of prompts.
"""

from .guidance_gap import gap, guidance_gap
from .paths import Measure, measured_along
from .roc import Roc, auc_interval, roc
from .spikiness import spikiness, unit_spread

__all__ = ["Measure", "Roc", "auc_interval", "gap", "guidance_gap", "measured_along", "roc", "spikiness", "unit_spread"]
