"""Papers on memorization: their numbers computed, their claims checked, their figure drawn.

A paper is a folder `<first author><year>`, found by its presence:

    claims.toml     what the paper says: title, setting, and each claim with the interval fixed before any run
    experiment.py   what is computed: `Settings`, `SMOKE`, `FULL` and `experiment(settings, key) -> Results`
    figure.py       what is drawn: `figure(results)`

`papers.biroli2024.experiment(papers.biroli2024.FULL._replace(n=500), key)` changes an experiment.
"""

import importlib
import re
from pathlib import Path

from .base import CLAIMS, SCALES, Claim, Measurement, Paper, Results, Scale, Variable, read_paper
from .record import read_record, run_paper
from .report import as_table

__all__ = [
    "SCALES",
    "Claim",
    "Measurement",
    "Paper",
    "Results",
    "Scale",
    "Variable",
    "as_table",
    "paper",
    "read_record",
    "run_paper",
    "slugs",
]

SLUG = re.compile(r"[a-z]+(19|20)\d\d[a-z]?")
_FOLDER = Path(__file__).parent


def slugs() -> tuple[str, ...]:
    """The papers there are, in alphabetical order; loads none of them."""
    return tuple(sorted(path.parent.name for path in _FOLDER.glob(f"*/{CLAIMS}")))


def paper(slug: str) -> Paper:
    """What a paper says; its experiment is loaded only when it is run.

    Raises ValueError where there is no paper of this name.
    """
    if slug not in slugs():
        raise ValueError(f"`SLUG` must be one of {', '.join(slugs())}, but is {slug!r}.")
    return read_paper(_FOLDER / slug, lambda: importlib.import_module(f".{slug}", __name__))


def __getattr__(name: str):
    if SLUG.fullmatch(name) and name in slugs():
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *slugs()])
