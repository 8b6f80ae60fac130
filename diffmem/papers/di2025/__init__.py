"""Di et al.: copies of the foreground or the background alone, which whole-image similarity misses."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
