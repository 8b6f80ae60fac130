"""Baptista et al.: the exact flow ends on data, two regularised scores stop short of it."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
