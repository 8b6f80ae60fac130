"""Zhang et al.: a memorized point has one hidden unit to itself, a generalized one shares many."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
