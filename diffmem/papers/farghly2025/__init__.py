"""Farghly et al.: smoothing the score keeps to the manifold of the data, smoothing the density leaves it."""

from .experiment import FULL as FULL
from .experiment import SMOKE as SMOKE
from .experiment import Settings as Settings
from .experiment import experiment as experiment
from .figure import figure as figure
