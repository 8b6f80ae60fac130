"""Zhang et al.: networks make the same samples where they memorize and where they generalize, and differ between."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
