"""Raya and Ambrogioni on symmetry breaking: two points, for which every critical time has a closed form."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
