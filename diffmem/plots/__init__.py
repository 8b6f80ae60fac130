"""Figures: each function draws what it is given, computes nothing, and returns a `matplotlib.figure.Figure`.

No figure is registered with pyplot: show one as the last line of a notebook cell, or call `figure.savefig(path)`.
"""

from .against_time import against_time
from .phase_diagram import phase_diagram
from .samples import samples_beside_neighbours
from .spectra import spectra
from .transition_curves import transition

__all__ = [
    "against_time",
    "phase_diagram",
    "samples_beside_neighbours",
    "spectra",
    "transition",
]
