"""Wen et al.: the gap of the branches of guidance detects memorized prompts, explains them by words, and is lowered."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
