"""Does a model copy? Its samples against its training set, beside a held-out set, with what can be concluded."""

from .demonstration import demonstration
from .findings import Audit
from .procedure import audit

__all__ = [
    "Audit",
    "audit",
    "demonstration",
]
