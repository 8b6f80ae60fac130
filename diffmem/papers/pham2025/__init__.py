"""Pham et al. on associative memory: from copies to spurious states to the law, on a circle where all is countable."""

from .experiment import FULL as FULL
from .experiment import SMOKE as SMOKE
from .experiment import Settings as Settings
from .experiment import experiment as experiment
from .figure import figure as figure
