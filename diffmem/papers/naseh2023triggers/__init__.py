"""Naseh, Roh and Houmansadr: a word that is repeated over the captions of one image triggers its reproduction."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
