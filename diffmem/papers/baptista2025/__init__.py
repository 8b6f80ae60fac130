"""Baptista et al.: the exact flow ends on data, two regularised scores stop short of it."""

from .experiment import FULL as FULL
from .experiment import SMOKE as SMOKE
from .experiment import Settings as Settings
from .experiment import experiment as experiment
from .figure import figure as figure
