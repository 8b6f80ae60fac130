"""What an audit found: every number and every picture that its report needs."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Bool, Int, Real

from ..metrics import Interval
from .duplicate_groups import Groups
from .judged import Judged
from .near_duplicates import Closeness, Nearest
from .sets import PointSet
from .shares import Share

TRAINING_POINTS = "training points, each against all others that are no twins of it"


class HeldOut(NamedTuple):
    """What the held-out points are: points of the same law that the model has not seen."""

    nearest: Nearest
    """Of all of them."""
    leak: Bool[np.ndarray, "count"]
    """Those that are training points or twins of one; they are set aside."""

    @property
    def kept(self) -> Int[np.ndarray, "kept"]:
        """The others."""
        return np.flatnonzero(~self.leak)


class Options(NamedTuple):
    """What was asked for."""

    ratio: float
    twins: float | None
    flips: bool
    shifts: int
    tiles: int
    features: bool


class Changed(NamedTuple):
    """Copies of one kind of change, such as mirrored ones, among samples that are no copies as they are."""

    kind: str
    best: Int[np.ndarray, "samples"]
    """The variant with the smallest d1/d2 among those by which a sample is a copy, -1 where there is none."""
    row: Int[np.ndarray, "samples"]
    """The training point that it is a copy of."""
    names: tuple[str, ...]
    samples: Share
    controls: Share | None


class Sensitivity(NamedTuple):
    """Of copies planted among the user's own data, the share that the d1/d2 rule found, and the rule for d1 alone."""

    planted: str
    found: Share
    by_distance: Share | None


class Findings(NamedTuple):
    """Everything that was measured, in the numbers of `PointSet.block`; `unit` brings distances to those reported."""

    samples: PointSet
    train: PointSet
    test: PointSet | None
    unit: float
    closeness: Closeness
    groups: Groups
    nearest: Nearest
    held_out: HeldOut | None
    left_out: Nearest
    """Drawn training points, each against all others that are no twins of it."""
    rules: tuple[Judged, ...]
    """The d1/d2 rule first."""
    changed: tuple[Changed, ...]
    sensitivity: tuple[Sensitivity, ...]
    sample_groups: Groups
    """Which samples are equal, and which are twins."""
    seed: int
    options: Options

    @property
    def rule(self) -> Judged:
        """The d1/d2 rule."""
        return self.rules[0]

    @property
    def control_kind(self) -> str:
        """What the samples are compared with."""
        return "held-out points" if self.held_out is not None else TRAINING_POINTS

    @property
    def units(self) -> str:
        """The units of all distances that are reported."""
        ends = self.train.ends
        return "data units" if ends is None else f"units in which {ends[0]:.6g} is -1 and {ends[1]:.6g} is 1"

    @property
    def copied_row(self) -> Int[np.ndarray, "samples"]:
        """The training point that each sample copies by any rule or after any change that was looked for, or -1."""
        found = np.where(self.rule.copied, self.nearest.row, -1)
        for change in self.changed:
            found = np.where((found < 0) & (change.best >= 0), change.row, found)
        for rule in self.rules[1:]:
            row = self.nearest.row if rule.row is None else rule.row
            found = np.where((found < 0) & rule.copied, row, found)
        return found

    @property
    def severity(self) -> Int[np.ndarray, "samples"]:
        """The samples, worst first: copies by d1/d2, then by other rules or after a change, then the others."""
        rank = np.where(self.rule.copied, 0, np.where(self.copied_row >= 0, 1, 2))
        return np.lexsort((self.nearest.d1, self.rule.value, rank))


class Picture(NamedTuple):
    """A training point that was copied, with samples that copy it."""

    source: Real[np.ndarray, "*event"]
    source_name: str
    copies: Real[np.ndarray, "shown *event"]
    copy_names: tuple[str, ...]
    captions: tuple[str, ...]
    count: int
    """How many samples copy it, of which some are shown."""


class Audit(NamedTuple):
    """The result of an audit: the fraction that was copied, beside that of held-out points, and the whole report."""

    fraction: float
    """Share of the samples that are copies by the d1/d2 rule, twins set aside."""
    interval: Interval
    """Its exact 95 % interval."""
    held_out: float | None
    """The same share of held-out points, leaks set aside; None without a held-out set."""
    verdict: str
    """copies, no excess, unclear or no control."""
    sentence: str
    """The verdict in words."""
    document: dict[str, Any]
    """All of audit.json."""
    arrays: xr.Dataset
    """All of audit.nc: a value for each sample, control and threshold."""
    rows: tuple[dict[str, Any], ...]
    """All of copies.csv: a row for each sample, the worst first."""
    pictures: tuple[Picture, ...]
    """The most copied training points beside their copies; empty where points are no images."""
    value_range: tuple[float, float]
    """Black and white of the pictures."""

    def __repr__(self) -> str:
        low, high = self.interval
        beside = "" if self.held_out is None else f", held-out {self.held_out:.3g}"
        return f"Audit({self.verdict}: fraction={self.fraction:.3g} [{low:.3g}, {high:.3g}]{beside})"

    def to_json(self) -> str:
        """The text of audit.json."""
        return json.dumps(self.document, indent=1, allow_nan=False) + "\n"

    def save(self, folder: str | Path) -> list[Path]:
        """Write audit.html, audit.json, copies.csv, audit.nc and the figures into a folder, and return their paths."""
        from .reporting import written

        return written(self, Path(folder))
