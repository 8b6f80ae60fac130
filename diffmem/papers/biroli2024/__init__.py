"""Biroli, Bonnaire, de Bortoli and Mezard: speciation and collapse, on two Gaussians and on real digits."""

from .experiment import FULL as FULL
from .experiment import SMOKE as SMOKE
from .experiment import Settings as Settings
from .experiment import experiment as experiment
from .figure import figure as figure
