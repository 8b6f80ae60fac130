"""Pairs of points that are not images: in the plane, or as profiles over their coordinates."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from . import style
from .pairs import COPY_COLOUR, NEIGHBOUR_LABEL, SAMPLE_LABEL, Pairs

COLUMNS = 4  # profiles a row
SAMPLE_COLOUR, NEIGHBOUR_COLOUR = style.COLOURS[0], "#000000"


def draw_plane(pairs: Pairs) -> Figure:
    """Two coordinates: each sample joined to its neighbour, copies filled."""
    ax = style.panel(None, 4.6, 4.2)
    samples, neighbours = (points.reshape(-1, 2) for points in (pairs.samples, pairs.neighbours))
    for x, y in zip(samples, neighbours):
        ax.plot(*np.stack([x, y]).T, color="#B0B0B0", linestyle="-", marker="", linewidth=0.9, zorder=1)
    faces = [COPY_COLOUR if pairs.is_copy(i) else "white" for i in range(len(samples))]
    ax.scatter(*neighbours.T, marker="+", s=70, color=NEIGHBOUR_COLOUR, linewidth=1.2, label=NEIGHBOUR_LABEL)
    ax.scatter(
        *samples.T, marker="o", s=24, c=faces, edgecolors=SAMPLE_COLOUR, linewidth=1.1, label=_sample_label(pairs)
    )
    ax.set(xlabel="coordinate $x_1$ (data units)", ylabel="coordinate $x_2$ (data units)")
    ax.set_aspect("equal", adjustable="datalim")
    style.legend(ax)
    return ax.figure


def draw_profiles(pairs: Pairs) -> Figure:
    """A panel for each pair: the sample's coordinates over those of its neighbour."""
    count = len(pairs.samples)
    columns = min(count, COLUMNS)
    rows = -(-count // columns)
    figure = style.new_figure(max(0.7 + 1.6 * columns, 4.2), 1.0 + 1.1 * rows)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    index = np.arange(1, pairs.samples[0].size + 1)
    for ax in grid.flat[count:]:
        ax.set_axis_off()
    for i, ax in enumerate(grid.flat[:count]):
        style.dress(ax)
        points = "." if index.size <= 32 else ""
        ax.plot(
            index, pairs.neighbours[i].ravel(), color=NEIGHBOUR_COLOUR, linestyle="--", marker=points, linewidth=1.0
        )
        ax.plot(index, pairs.samples[i].ravel(), color=SAMPLE_COLOUR, linestyle="-", marker=points, linewidth=1.0)
        ax.set_title(pairs.caption(i).replace("\n", ", "), size=style.SMALL)
        ax.tick_params(labelbottom=i + columns >= count)
        ax.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    figure.supxlabel("coordinate $i$ (index)", size=style.TEXT)
    figure.supylabel("value $x_i$ (data units)", size=style.TEXT)
    lines = grid[0, 0].get_lines()
    names = [NEIGHBOUR_LABEL, SAMPLE_LABEL]
    figure.legend(lines, names, loc="outside upper center", ncols=2, fontsize=style.SMALL, frameon=False)
    return figure


def _sample_label(pairs):
    return SAMPLE_LABEL if pairs.copied is None else f"{SAMPLE_LABEL} (filled: copy)"
