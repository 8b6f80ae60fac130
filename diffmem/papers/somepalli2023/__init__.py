"""Somepalli et al.: captions that single out an image make a model copy it, varied captions copy less."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
