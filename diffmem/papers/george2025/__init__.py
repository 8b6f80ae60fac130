"""George, Veiga and Macris: learning curves of denoising with random features, and where more noise draws help."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
