"""Gu et al.: what decides how much is memorized, labels, capacity, set size and dimension, in four small models."""

from .experiment import FULL as FULL
from .experiment import SMOKE as SMOKE
from .experiment import Settings as Settings
from .experiment import experiment as experiment
from .figure import figure as figure
