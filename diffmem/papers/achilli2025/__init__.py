"""Achilli et al.: traps, collapse and best generalization of data on a hidden manifold, in this order of noise."""

from .experiment import FULL as FULL
from .experiment import SMOKE as SMOKE
from .experiment import Settings as Settings
from .experiment import experiment as experiment
from .figure import figure as figure
