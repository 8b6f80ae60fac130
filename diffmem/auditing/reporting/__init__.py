"""What an audit says: the document, the tables, the figures and the page."""

from .audit_result import reported
from .written_files import written

__all__ = [
    "reported",
    "written",
]
