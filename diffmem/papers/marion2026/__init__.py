"""Marion and Wu: distances to the data do not see copies, losses do, and larger networks memorize sooner."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
