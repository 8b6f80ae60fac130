"""The contract of a paper: claims fixed beforehand, a run that computes, a drawing that computes nothing."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

import xarray as xr
from jaxtyping import PRNGKeyArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Scale = Literal["smoke", "full"]
"""`smoke` takes seconds and is part of the tests; `full` takes at most two minutes on two cores."""
SCALES: tuple[Scale, ...] = ("smoke", "full")


class Claim(NamedTuple):
    """One number that must come out, with the interval that was fixed before the run."""

    key: str
    """A short name, unique in its paper."""
    statement: str
    """One sentence with its units: what is measured, on what."""
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
    """Where it is checked; the interval is the same."""

    def met(self, value: float) -> bool:
        """Whether a measured value lies in the interval; NaN does not."""
        return self.low <= value <= self.high


class Measurement(NamedTuple):
    """A measured number and its standard error (NaN where it is not known, 0 where it is exact)."""

    value: float
    error: float = math.nan


class Results(NamedTuple):
    """What a paper's `run` hands over."""

    measured: Mapping[str, Measurement]
    """For each claim of the scale, by key."""
    curves: xr.Dataset
    """Everything that `draw` shows."""


class Paper(NamedTuple):
    """One paper: a file `<first author><year>.py` of this package that defines `PAPER`."""

    slug: str
    title: str
    arxiv: str
    setting: str
    """One paragraph: what stands for what, and what does not carry over."""
    claims: tuple[Claim, ...]
    run: Callable[[Scale, PRNGKeyArray], Results]
    """Computes; no files, no plots."""
    draw: "Callable[[Results], Figure]"
    """Draws; computes nothing."""

    def claims_at(self, scale: Scale) -> tuple[Claim, ...]:
        """The claims that are checked at a scale."""
        return tuple(claim for claim in self.claims if scale in claim.scales)
