"""Dutt et al.: fine-tuning few parameters memorizes less than fine-tuning all, at equal or better quality."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
