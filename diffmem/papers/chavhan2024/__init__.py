"""Chavhan et al.: pruning the weights through which a memorized prompt acts; is the set shared by all of them?"""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
