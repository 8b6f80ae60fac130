"""Kadkhodaie et al.: do two models of disjoint halves of the data make the same samples?"""

from .experiment import FULL as FULL
from .experiment import SMOKE as SMOKE
from .experiment import Settings as Settings
from .experiment import experiment as experiment
from .figure import figure as figure
