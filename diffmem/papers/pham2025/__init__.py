"""Pham et al. on associative memory: memorized, spurious and generalized states, counted on a circle."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
