"""How a sum over centres is computed, apart from what it means: `Empirical(points, reduction=...)`."""

from .base import AbstractReduction, Posterior
from .centres import AbstractCentres, Centres, Chunk
from .chunked import Chunked, auto
from .dense import Dense
from .generated import Generated
from .gibbs import covariance, heaviest, posterior, weight_at
from .plan import Plan, plan
from .sharded import Sharded

__all__ = [
    "AbstractCentres",
    "AbstractReduction",
    "Centres",
    "Chunk",
    "Chunked",
    "Dense",
    "Generated",
    "Plan",
    "Posterior",
    "Sharded",
    "auto",
    "covariance",
    "heaviest",
    "plan",
    "posterior",
    "weight_at",
]
