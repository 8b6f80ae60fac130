"""Pham et al. on associative memory: from copies to spurious states to the law, on a circle where all is countable."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
