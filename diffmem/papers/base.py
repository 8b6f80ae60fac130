"""The contract of a paper: claims fixed beforehand, an experiment that computes, a figure that computes nothing."""

import math
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    import xarray as xr
    from jaxtyping import PRNGKeyArray
    from matplotlib.figure import Figure

CLAIMS = "claims.toml"
Scale = Literal["smoke", "full"]
"""`smoke` takes seconds and is part of the tests; `full` takes at most two minutes on two cores."""
SCALES: tuple[Scale, ...] = ("smoke", "full")
Settings = Any
"""The parameters of one paper's experiment: a `NamedTuple` with defaults, different in each paper."""


class Claim(NamedTuple):
    """One number that must come out, with the interval that was fixed before the run."""

    key: str
    """A short name, unique in its paper; also the name of the measurement."""
    statement: str
    """One sentence that can be read alone: what is measured, on what, in which units."""
    expected: float
    """The value of the source."""
    low: float
    high: float
    """The accepted interval, both ends included; -inf and inf where a side is open."""
    source: str
    """`arXiv:<id>, Fig. k` or `derived: <one line>`."""
    kind: Literal["printed", "read from figure", "derived", "analogue"]
    """Printed in the source, read from a figure of it, derived from it, or an analogue of it in another setting."""
    scales: tuple[Scale, ...] = ("smoke", "full")
    """Where it is checked; the interval does not depend on the scale."""

    def met(self, value: float) -> bool:
        """Whether a measured value lies in the interval; NaN does not."""
        return self.low <= value <= self.high


class Variable(NamedTuple):
    """What a variable of `curves.nc` is. The units of a dimensionless number are "1", those of a label are ""."""

    long_name: str
    units: str


class Measurement(NamedTuple):
    """A measured number and its standard error (NaN where it is not known, 0 where it is exact)."""

    value: float
    error: float = math.nan


class Results(NamedTuple):
    """What the experiment of a paper returns."""

    measured: Mapping[str, Measurement]
    """For each claim, by key."""
    curves: "xr.Dataset"
    """Everything that the figure shows."""

    def __repr__(self) -> str:
        return f"Results({len(self.measured)} measured, curves of {len(self.curves.data_vars)} variables)"


class Code(Protocol):
    """The package of one paper: its settings at either scale, its experiment and its figure."""

    SMOKE: Settings
    FULL: Settings

    def experiment(self, settings: Settings, key: "PRNGKeyArray") -> Results:
        """Computes everything; writes and plots nothing."""
        ...

    def figure(self, results: Results) -> "Figure":
        """Draws what was computed; computes nothing."""
        ...


class Paper(NamedTuple):
    """One paper: what its `claims.toml` says, and a way to load its code."""

    slug: str
    title: str
    arxiv: str
    setting: str
    """One paragraph: what stands for what, and what does not carry over."""
    claims: tuple[Claim, ...]
    variables: Mapping[str, Variable]
    """Every variable of `curves.nc`."""
    load: Callable[[], Code]
    """Imports the experiment and the figure, and with them JAX."""

    def __repr__(self) -> str:
        return f"Paper({self.slug}, {len(self.claims)} claims, arXiv:{self.arxiv}: {self.title})"

    def claims_at(self, scale: Scale) -> tuple[Claim, ...]:
        """The claims that are checked at a scale."""
        return tuple(claim for claim in self.claims if scale in claim.scales)

    def settings_at(self, scale: Scale) -> Settings:
        """The settings for which the claims of a scale are checked."""
        code = self.load()
        return {"smoke": code.SMOKE, "full": code.FULL}[scale]


def read_paper(folder: Path, load: Callable[[], Code]) -> Paper:
    """The paper of a folder, from its `claims.toml` alone."""
    content = tomllib.loads((folder / CLAIMS).read_text(encoding="utf-8"))
    claims = tuple(Claim(**claim | {"scales": tuple(claim["scales"])}) for claim in content.pop("claim"))
    variables = {name: Variable(**variable) for name, variable in content.pop("variable").items()}
    return Paper(slug=folder.name, claims=claims, variables=variables, load=load, **content)
