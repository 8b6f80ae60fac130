"""Gu et al.: what decides how much is memorized, labels, capacity, set size and dimension, in four small models."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
