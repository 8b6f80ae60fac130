"""A flow in the plane: arrows, paths along it, and the states that end on each training point."""

import numpy as np
from jaxtyping import ArrayLike, Int, Real
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from . import style

ARROWS = 15  # along each axis, at most
ARROW = {"color": "#404040", "width": 0.004, "pivot": "mid", "zorder": 2}
PATH = {"color": "black", "linestyle": "-", "linewidth": 1.2, "zorder": 3}
PATH |= {"marker": "o", "markevery": [0], "markersize": 4, "markerfacecolor": "white"}


def flow_field(
    x: Real[ArrayLike, "columns"],
    y: Real[ArrayLike, "rows"],
    vectors: Real[ArrayLike, "..."] | None = None,
    basins: Int[ArrayLike, "..."] | None = None,
    paths: Real[ArrayLike, "nodes count 2"] | None = None,
    *,
    points: Real[ArrayLike, "n 2"] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Arrows of a vector field in the plane, on a map of basins of attraction, with paths and training points.

    `vectors`, (rows, columns, 2), holds at [i, j] the field at `(x[j], y[i])`: the score, or the velocity in the
    direction that is followed; at most 15 arrows are drawn along each axis. `basins`, (rows, columns), holds the index
    of the training point on which each state ends: states are shaded in the colour of that point. `paths` are the
    states of each path in order, as in `Samples.observed` of the observer `lambda x, level, found: x`; a circle marks
    where each starts. `points` are the training points, in the coordinates of the map. `ax` draws into a panel that
    exists, whose legend is the caller's (`style.legend_below`).

    Raises ValueError where shapes do not fit the grid.
    """
    x, y = np.asarray(x), np.asarray(y)
    for name, field, end in (("vectors", vectors, (2,)), ("basins", basins, ())):
        if field is not None and np.shape(field) != (y.size, x.size, *end):
            raise ValueError(
                f"`{name}` must have shape {(y.size, x.size, *end)} to match the grid, but has shape {np.shape(field)}."
            )
    given, ax = ax, style.panel(ax, 4.8, 4.8)
    if basins is not None:
        _shade(ax, x, y, np.asarray(basins))
    if vectors is not None:
        _point(ax, x, y, np.asarray(vectors))
    if paths is not None:
        _follow(ax, np.asarray(paths))
    if points is not None:
        points = np.asarray(points)
        colours = [_colour(i) for i in range(len(points))]
        ax.scatter(*points.T, c=colours, s=42, edgecolors="black", linewidth=0.9, zorder=4, label="training points")
    ax.set(xlabel="coordinate $x_1$ (data units)", ylabel="coordinate $x_2$ (data units)")
    ax.set(xlim=(x.min(), x.max()), ylim=(y.min(), y.max()))
    ax.set_aspect("equal")
    if given is None:
        style.legend_below(ax.figure, ax)
    return ax.figure


def _colour(i):
    return style.COLOURS[i % len(style.COLOURS)]


def _shade(ax, x, y, basins):
    count = int(basins.max()) + 1
    colours = ListedColormap([_colour(i) for i in range(count)])
    ax.pcolormesh(x, y, basins, cmap=colours, vmin=-0.5, vmax=count - 0.5, alpha=0.3, linewidth=0, rasterized=True)
    ax.fill([], [], color="#7F7F7F", alpha=0.3, label="states that end on the point of their colour")


def _point(ax, x, y, vectors):
    rows, columns = (slice(None, None, -(-axis.size // ARROWS)) for axis in (y, x))
    arrows = vectors[rows, columns]
    ax.quiver(x[columns], y[rows], arrows[..., 0], arrows[..., 1], **ARROW)


def _follow(ax, paths):
    for i, path in enumerate(paths.transpose(1, 2, 0)):
        label = None if i else "paths, from the circles"
        ax.plot(*path, label=label, **PATH)
