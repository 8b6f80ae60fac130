"""Achilli et al.: traps, collapse and best generalization of data on a hidden manifold, in this order of noise."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
