"""Jeon et al.: memorized prompts have sharp densities, which detects them and chooses better starting noises."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
