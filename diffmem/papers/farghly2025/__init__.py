"""Farghly et al.: smoothing the score keeps to the manifold of the data, smoothing the density leaves it."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
