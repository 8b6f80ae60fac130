"""Achilli et al.: which directions does memorization take first, those of high or of low variance?"""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
