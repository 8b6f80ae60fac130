"""Pairs of a sample and its nearest training point, and what is written beside each."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Real

COPY_COLOUR, OTHER_COLOUR = "#D55E00", "#7F7F7F"
SAMPLE_LABEL, NEIGHBOUR_LABEL = "generated", "nearest training point"


class Pairs(NamedTuple):
    """Samples and neighbours of one event shape, with what is known of each pair."""

    samples: Real[np.ndarray, "count *event"]
    neighbours: Real[np.ndarray, "count *event"]
    distance: Float[np.ndarray, "count"] | None
    ratio: Float[np.ndarray, "count"] | None
    copied: Bool[np.ndarray, "count"] | None

    def caption(self, i: int) -> str:
        """What is known of pair i, a line each."""
        lines = []
        if self.distance is not None:
            lines.append(f"$d_1$ = {self.distance[i]:.2g}")
        if self.ratio is not None:
            lines.append(f"$d_1/d_2$ = {self.ratio[i]:.2g}")
        if self.copied is not None:
            lines.append("copy" if self.copied[i] else "no copy")
        return "\n".join(lines)

    def is_copy(self, i: int) -> bool:
        """Whether pair i is known to be a copy."""
        return self.copied is not None and bool(self.copied[i])
