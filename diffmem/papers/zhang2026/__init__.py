"""Zhang et al.: one unit for each memorized point, many for generalized ones, read unit by unit."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
