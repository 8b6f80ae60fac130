"""Buchanan et al.: losses of copying and of generalizing denoisers, and the capacity at which they cross."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
