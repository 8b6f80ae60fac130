"""Bonnaire et al.: networks generalize at a training time that does not depend on n, and memorize at one that does."""

from .experiment import FULL as FULL
from .experiment import SMOKE as SMOKE
from .experiment import Settings as Settings
from .experiment import experiment as experiment
from .figure import figure as figure
