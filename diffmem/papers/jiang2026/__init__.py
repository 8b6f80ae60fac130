"""Jiang and Zou: does a consistency student copy what its teacher has memorized?"""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
