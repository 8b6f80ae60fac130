"""Figures: each function draws what it is given, computes nothing, and returns a `matplotlib.figure.Figure`.

No figure is registered with pyplot: show one as the last line of a notebook cell, or call `figure.savefig(path)`.
"""

from . import audits, explanations
from .against_time import against_time
from .audits import *
from .density_over_time import density_over_time
from .detection_areas import detection_areas
from .explanations import *
from .flow_field import flow_field
from .optimum_curves import against_optimum
from .phase_diagram import phase_diagram
from .posterior_along_paths import posterior_along_paths
from .samples import samples_beside_neighbours
from .spectra import spectra
from .transition_curves import transition

__all__ = [
    "against_optimum",
    "against_time",
    "density_over_time",
    "detection_areas",
    "flow_field",
    "phase_diagram",
    "posterior_along_paths",
    "samples_beside_neighbours",
    "spectra",
    "transition",
]
__all__ += audits.__all__
__all__ += explanations.__all__
