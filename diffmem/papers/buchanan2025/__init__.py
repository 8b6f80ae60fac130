"""Buchanan et al.: losses of copying and of generalizing denoisers, and the capacity at which they cross."""

from .experiment import FULL as FULL
from .experiment import SMOKE as SMOKE
from .experiment import Settings as Settings
from .experiment import experiment as experiment
from .figure import figure as figure
