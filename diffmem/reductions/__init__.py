"""How a sum over centres is computed, apart from what it means: `Empirical(points, reduction=...)`."""

from .base import AbstractReduction, AnyCentres, Held, Posterior
from .centres import Centres, Chunk
from .chunked import Chunked, auto
from .dense import Dense
from .generated import Generated
from .gibbs import covariance, heaviest, posterior, weight_at
from .plan import Plan, plan
from .sharded import Sharded

__all__ = [
    "AbstractReduction",
    "AnyCentres",
    "Centres",
    "Chunk",
    "Chunked",
    "Dense",
    "Generated",
    "Held",
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
