"""Before any training: when will a model of these data copy them, which points first, and what more points change."""

from .explanation import Explanation
from .steps import explain

__all__ = [
    "Explanation",
    "explain",
]
