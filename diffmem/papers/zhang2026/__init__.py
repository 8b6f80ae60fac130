"""Zhang et al.: one unit for each memorized point, many for generalized ones, read unit by unit."""

from .experiment import FULL as FULL
from .experiment import SMOKE as SMOKE
from .experiment import Settings as Settings
from .experiment import experiment as experiment
from .figure import figure as figure
