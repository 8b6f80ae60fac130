"""Kim, Kim and Lee: guidance brings the memorized image in early and feeds back on its own posterior weight."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
