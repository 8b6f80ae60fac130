"""A score beside the optimum of its own training loss."""

from .comparison import against_optimum
from .result import AgainstOptimum

__all__ = ["AgainstOptimum", "against_optimum"]
