"""Kadkhodaie et al.: do two models of disjoint halves of the data make the same samples?"""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
