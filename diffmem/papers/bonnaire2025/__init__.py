"""Bonnaire et al.: networks generalize at a training time that does not depend on n, and memorize at one that does."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
