"""Measurements on samples and along paths: copies, concentration of the posterior, distances between laws."""

from ..theory import Estimate
from . import detection, extraction
from .attractors import Attractors, attractors
from .collapse_times import collapse_times
from .copies_by_label import CopiesByLabel
from .denoising_loss import denoising_loss
from .distances import energy_distance, sliced_wasserstein
from .memorization import Memorization, memorization
from .neighbours import Neighbours, nearest
from .observers import Concentration, concentration, entropy, leader, leader_weight, own_weight, participation
from .proportion import Interval, wilson
from .ranges import range_conflict
from .reproducibility import Generalization, Reproducibility, generalization, reproducibility
from .wells import Wells, wells

__all__ = [
    "Attractors",
    "Concentration",
    "CopiesByLabel",
    "Estimate",
    "Generalization",
    "Interval",
    "Memorization",
    "Neighbours",
    "Reproducibility",
    "Wells",
    "attractors",
    "collapse_times",
    "concentration",
    "denoising_loss",
    "detection",
    "energy_distance",
    "entropy",
    "extraction",
    "generalization",
    "leader",
    "leader_weight",
    "memorization",
    "nearest",
    "own_weight",
    "participation",
    "range_conflict",
    "reproducibility",
    "sliced_wasserstein",
    "wells",
    "wilson",
]
