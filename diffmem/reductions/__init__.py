"""How a sum over centres is computed, apart from what it means: `Empirical(points, reduction=...)`."""

from .auto import auto
from .base import AbstractReduction, AnyCentres, Held
from .centres import Centres, Chunk
from .chunked import Chunked
from .dense import Dense
from .generated import Generated
from .gibbs import covariance, heaviest, posterior, weight_at
from .plan import Plan, plan
from .posterior import Posterior
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
