"""Hintersdorf et al.: a memorized prompt acts through few units, and without them its image does not come back."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
