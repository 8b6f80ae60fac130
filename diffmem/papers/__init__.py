"""Papers on memorization: their numbers computed, their claims checked, their figure drawn.

A paper is a folder `<first author><year>`, found by its presence:

    claims.toml     what the paper says: title, setting, and each claim with the interval fixed before any run
    experiment.py   what is computed: `Settings`, `SMOKE`, `FULL` and `experiment(settings, key) -> Results`
    figure.py       what is drawn: `figure(results)`

An experiment can be changed and its figure drawn again. Raya and Ambrogioni start a flow late, from one Gaussian, and
ask how much of a law of two clusters it misses. It misses less of wider clusters:

    >>> import jax
    >>> from diffmem.papers import raya2023
    >>> wider = raya2023.SMOKE._replace(variance=0.2)
    >>> narrow, wide = (raya2023.experiment(settings, jax.random.key(0)) for settings in (raya2023.SMOKE, wider))
    >>> wide.measured["late_one"].value < narrow.measured["late_one"].value
    True
    >>> raya2023.figure(wide).savefig("wider_clusters.png")
"""

import importlib
import re
from pathlib import Path
from typing import Any

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

SLUG = re.compile(r"[a-z]+(19|20)\d\d[a-z]*")
_FOLDER = Path(__file__).parent


def slugs() -> tuple[str, ...]:
    """The names of all papers in alphabetical order; imports none of them."""
    return tuple(sorted(path.parent.name for path in _FOLDER.glob(f"*/{CLAIMS}")))


def paper(slug: str) -> Paper:
    """What a paper says, by its name; its experiment is imported only when it is run.

    Raises ValueError where there is no paper of this name.
    """
    if slug not in slugs():
        raise ValueError(f"`SLUG` must be one of {', '.join(slugs())}, but is {slug!r}.")
    return read_paper(_FOLDER / slug, lambda: importlib.import_module(f".{slug}", __name__))


def __getattr__(name: str) -> Any:
    if SLUG.fullmatch(name) and name in slugs():
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *slugs()])
