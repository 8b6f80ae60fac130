"""Biroli, Bonnaire, de Bortoli and Mezard: speciation and collapse, on two Gaussians and on real digits."""

from .experiment import FULL, SMOKE, Settings, experiment
from .figure import figure

__all__ = ["FULL", "SMOKE", "Settings", "experiment", "figure"]
