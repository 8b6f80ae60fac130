"""Naseh, Roh and Houmansadr: content that a prompt names, that it implies, and that nobody asked for."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
