"""Papers that are still one file with a `PAPER`: delete this module when the last one is a folder."""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, NamedTuple

from .base import Claim as Claim
from .base import Measurement as Measurement
from .base import Results as Results
from .base import Scale as Scale


class Paper(NamedTuple):
    """A paper in one file; what it says is read from `claims.toml` all the same."""

    slug: str
    title: str
    arxiv: str
    setting: str
    claims: tuple[Claim, ...]
    run: Callable[..., Results]
    draw: Callable[..., Any]

    def claims_at(self, scale: Scale) -> tuple[Claim, ...]:
        """The claims that are checked at a scale."""
        return tuple(claim for claim in self.claims if scale in claim.scales)


class Settings(NamedTuple):
    """The only setting of a paper in one file."""

    scale: str


class OneFile(NamedTuple):
    """Such a paper by the names of a folder."""

    paper: Paper
    SMOKE: Settings = Settings("smoke")
    FULL: Settings = Settings("full")

    def experiment(self, settings: Settings, key) -> Results:
        """Compute."""
        return self.paper.run(settings.scale, key)

    def figure(self, results: Results):
        """Draw."""
        return self.paper.draw(results)


def code_of(module: ModuleType):
    """The module, or its `PAPER` by the names of a folder."""
    names: Mapping[str, Any] = vars(module)
    return OneFile(names["PAPER"]) if "PAPER" in names else module
