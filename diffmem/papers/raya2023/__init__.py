"""Raya and Ambrogioni on symmetry breaking: two points, where every critical time has a closed form to be held to."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
