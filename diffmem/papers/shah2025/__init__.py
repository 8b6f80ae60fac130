"""Shah et al.: what ambient training on one noisy copy of each point changes at high noise, and what it does not."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
