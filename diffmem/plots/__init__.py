"""Figures: each function draws what it is given, computes nothing, and returns a `matplotlib.figure.Figure`.

No figure is registered with pyplot: show one as the last line of a notebook cell, or call `figure.savefig(path)`.
"""

from .against_time import against_time
from .audits import copying_curves, neighbour_distances
from .density_over_time import density_over_time
from .detection_areas import detection_areas
from .explanations import (
    collapse_against_number,
    collapse_of_points,
    explained,
    explained_spectrum,
    own_weight_against_noise,
)
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
    "collapse_against_number",
    "collapse_of_points",
    "copying_curves",
    "density_over_time",
    "detection_areas",
    "explained",
    "explained_spectrum",
    "flow_field",
    "neighbour_distances",
    "own_weight_against_noise",
    "phase_diagram",
    "posterior_along_paths",
    "samples_beside_neighbours",
    "spectra",
    "transition",
]
