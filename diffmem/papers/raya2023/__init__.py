"""Raya and Ambrogioni on symmetry breaking: two points, where every critical time has a closed form to be held to."""

from .experiment import FULL as FULL
from .experiment import SMOKE as SMOKE
from .experiment import Settings as Settings
from .experiment import experiment as experiment
from .figure import figure as figure
