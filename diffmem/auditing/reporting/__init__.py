"""What an audit says: the document, the tables, the figures and the page."""

from .files import written
from .result import reported

__all__ = [
    "reported",
    "written",
]
