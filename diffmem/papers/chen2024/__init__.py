"""Chen et al.: labels made from a model's own samples guide it towards its training points (SIDE)."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
