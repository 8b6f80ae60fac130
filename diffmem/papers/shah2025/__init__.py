"""Shah et al., ambient training at high noise: what one noisy copy of each point changes, and what it does not."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
