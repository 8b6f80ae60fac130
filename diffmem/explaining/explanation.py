"""What is known of a data set before any training: the result of `explain`."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float

from .. import theory
from ..auditing.sets import PointSet
from ..data import Dataset
from ..processes import AbstractProcess
from ..studies import AgainstOptimum
from .by_class import OfClass
from .first_points import FirstPoints
from .merged_points import Distinct
from .more_points import AgainstNumber, Needed


class Curves(NamedTuple):
    """Copying against noise: the mean posterior weight of the own training point."""

    ratio: Float[np.ndarray, "levels"]
    """sigma/alpha, descending."""
    n: tuple[int, ...]
    weight: Float[np.ndarray, "sizes levels"]
    """Own weight for each n: 1 where the exact score copies, 1/2 at the collapse."""
    error: Float[np.ndarray, "sizes levels"]
    """Its standard error."""


class Explanation(NamedTuple):
    """When a model of these data will copy them: `.summary()` says it in words, `.save(folder)` writes the report."""

    data: Dataset
    inputs: PointSet
    """The data as they were hashed and compared."""
    process: AbstractProcess
    """Whose times are given."""
    distinct: Distinct
    """Which rows are equal or nearly so; all that follows is of distinct points."""
    spectrum: Float[np.ndarray, "d"]
    """Eigenvalues of the covariance, descending."""
    speciation: float
    """sigma/alpha at which the leading direction emerges from the noise."""
    collapse: theory.Estimate
    """sigma/alpha below which the exact score copies, with its standard error for points of this law."""
    curves: Curves
    against_number: AgainstNumber
    """The collapse against the number of points."""
    needed: Needed | None
    """How many points collapse below a noise, if that was asked."""
    first: FirstPoints
    """Which points collapse first."""
    classes: tuple[OfClass, ...] | None
    network: AgainstOptimum | None
    """A network beside the exact score, if one was given."""
    held_out: Dataset | None
    """The points that the network has not seen, if any were given."""
    seed: int

    def __repr__(self) -> str:
        value, error = self.collapse
        return (
            f"Explanation(n={self.data.n}, distinct={len(self.distinct.rows)}, d={self.data.d}: "
            f"speciation at sigma/alpha {self.speciation:.3g}, collapse at {value:.3g} +- {error:.2g}, "
            f"first row {self.first.row[0]} at {self.first.ratio[0]:.3g})"
        )

    @property
    def collapse_time(self) -> float:
        """t_C on the process; 0 or t_max where it does not reach the noise."""
        return self.time(float(self.collapse.value))

    @property
    def speciation_time(self) -> float:
        """t_S on the process; 0 or t_max where it does not reach the noise."""
        return self.time(self.speciation)

    def time(self, ratio: float) -> float:
        """The time of the process at sigma/alpha = ratio; NaN stays NaN."""
        return float(self.process.time_at(ratio)) if np.isfinite(ratio) else float("nan")

    def summary(self) -> str:
        """What it means, in a few sentences."""
        from .in_words import sentences

        return " ".join(sentences(self))

    @property
    def document(self) -> dict[str, Any]:
        """All of explain.json."""
        from .tables import document

        return document(self)

    def to_json(self) -> str:
        """The text of explain.json."""
        return json.dumps(self.document, indent=1, allow_nan=False) + "\n"

    def to_dataset(self) -> xr.Dataset:
        """All of explain.nc: spectrum, curves, predictions and points, in the units of the data."""
        from .tables import arrays

        return arrays(self)

    def save(self, folder: str | Path) -> list[Path]:
        """Write explain.html, .json, .csv, .nc and .png, and points.csv, into a folder, and return their paths."""
        from .saving import saved

        return saved(self, Path(folder))
