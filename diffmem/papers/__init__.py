"""Papers on memorization, one file each: their numbers computed, their claims checked, their figure drawn.

A file named `<first author><year>.py` that defines `PAPER` is a paper; nothing else has to know of it.
"""

import importlib
import pkgutil
import re

from .base import SCALES as SCALES
from .base import Claim as Claim
from .base import Measurement as Measurement
from .base import Paper as Paper
from .base import Results as Results
from .base import Scale as Scale
from .record import read_record as read_record
from .record import run_paper as run_paper
from .report import as_table as as_table

SLUG = re.compile(r"[a-z]+(19|20)\d\d[a-z]?")


def slugs() -> tuple[str, ...]:
    """The papers there are, in alphabetical order; loads none of them."""
    return tuple(sorted(found.name for found in pkgutil.iter_modules(__path__) if SLUG.fullmatch(found.name)))


def paper(slug: str) -> Paper:
    """The paper of this name.

    Raises ValueError where there is none.
    """
    if slug not in slugs():
        raise ValueError(f"`SLUG` must be one of {', '.join(slugs())}, but is {slug!r}.")
    return importlib.import_module(f".{slug}", __name__).PAPER
