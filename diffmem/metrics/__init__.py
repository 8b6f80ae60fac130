"""What is measured on samples and along paths: copies, concentration of the posterior, distances between laws."""

from .attractors import Attractors as Attractors
from .attractors import attractors as attractors
from .collapse_times import collapse_times as collapse_times
from .denoising_loss import denoising_loss as denoising_loss
from .distances import Estimate as Estimate
from .distances import energy_distance as energy_distance
from .distances import sliced_wasserstein as sliced_wasserstein
from .memorization import Memorization as Memorization
from .memorization import memorization as memorization
from .neighbours import Neighbours as Neighbours
from .neighbours import nearest as nearest
from .observers import Concentration as Concentration
from .observers import concentration as concentration
from .observers import entropy as entropy
from .observers import leader as leader
from .observers import leader_weight as leader_weight
from .observers import own_weight as own_weight
from .observers import participation as participation
from .proportion import Interval as Interval
from .proportion import wilson as wilson
from .reproducibility import Generalization as Generalization
from .reproducibility import Reproducibility as Reproducibility
from .reproducibility import generalization as generalization
from .reproducibility import reproducibility as reproducibility
from .wells import Wells as Wells
from .wells import wells as wells
