"""What is drawn over a panel: marked values as labelled lines, and single paths as thin ones."""

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import ArrayLike, Real
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from . import style

Mark = float | Real[ArrayLike, ""] | Mapping[str, float | Real[ArrayLike, ""]] | None
"""A value, or several by name; None marks nothing."""


def draw_marks(line: Callable[..., Line2D], mark: Mark, name: str) -> list[Line2D]:
    """A labelled line by `line` (`ax.axvline` or `ax.axhline`) at each marked value.

    `name` is the label of a single one, as a format of its value.
    """
    if mark is None:
        return []
    marks = mark if isinstance(mark, Mapping) else {name.format(float(mark)): mark}
    return [
        line(float(value), color=style.MARK_COLOUR, linestyle=dashes, linewidth=1.2, label=label)
        for (label, value), dashes in zip(marks.items(), style.MARK_LINES * len(marks))
    ]


def draw_paths(
    ax: Axes,
    horizontal: Real[np.ndarray, "nodes"],
    vertical: Real[np.ndarray, "nodes count"],
    colour: str,
    label: str = "",
) -> None:
    """A thin line for each column of `vertical`; with a `label` they have one place in the legend."""
    lines = ax.plot(horizontal, vertical, color=colour, linestyle="-", marker="", linewidth=0.7, alpha=0.5, zorder=1.5)
    if label:
        lines[0].set_label(label)
