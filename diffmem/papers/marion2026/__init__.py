"""Marion and Wu: losses tell copies from generalization, distances do not, and larger networks memorize sooner."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
