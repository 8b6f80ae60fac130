"""Ma et al.: memorization as the least change of the noise that makes a model generate an image."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
