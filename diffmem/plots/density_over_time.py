"""A law of one coordinate as it changes with time, with paths on it."""

import numpy as np
from jaxtyping import ArrayLike, Float, Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import style
from .overlays import Mark, draw_marks, draw_paths

PATH_COLOUR = "white"


def density_over_time(
    times: Real[ArrayLike, "nodes"],
    positions: Real[ArrayLike, "grid"],
    density: Float[ArrayLike, "..."],
    paths: Real[ArrayLike, "..."] | None = None,
    mark: Mark = None,
    *,
    points: Real[ArrayLike, "n"] | None = None,
    label: str = r"density $p(x, t)$ (1 / data units)",
    log_time: bool = False,
    ax: Axes | None = None,
) -> Figure:
    """A density p(x, t) on the line as a map over time (horizontal) and position (vertical), with paths drawn on it.

    `density` has shape (nodes, grid): row k is the density at `times[k]` on the grid `positions`. Near the data it is
    tall and narrow; a map of `density / density.max(1)` shows both ends. `paths`, (nodes, count), are positions at the
    same times, as in `Samples.observed` of the observer `lambda x, level, found: x`. `mark` is a time, or several by
    name: vertical labelled lines. `points` are training points: triangles at the edge where the data are. `label` names
    the colour scale. `ax` draws into a panel that exists, whose legend is the caller's (`style.legend_below`).

    Raises ValueError where shapes do not fit the grid of times and positions, and for times <= 0 with `log_time`.
    """
    times, positions, density = np.asarray(times), np.asarray(positions), np.asarray(density)
    _check("density", density.shape, (times.size, positions.size))
    if paths is not None:
        _check("paths", np.shape(paths), (times.size, *np.shape(paths)[1:2]))
    if log_time and not (times > 0).all():
        raise ValueError(f"`times` must be positive on a log axis, but go down to {times.min()}.")
    given, ax = ax, style.panel(ax, 5.6, 3.8)
    ax.set(xscale="log" if log_time else "linear")
    cells = ax.pcolormesh(
        times, positions, density.T, cmap=style.colour_map(), vmin=0, shading="gouraud", rasterized=True
    )
    bar = ax.figure.colorbar(cells, ax=ax, pad=0.02, aspect=30)
    bar.set_label(label, size=style.TEXT)
    bar.ax.tick_params(labelsize=style.SMALL)
    if paths is not None:
        draw_paths(ax, times, np.asarray(paths), PATH_COLOUR)
    if points is not None:
        edge = np.full(np.size(points), times.min())
        ax.plot(edge, np.ravel(points), color="black", linestyle="", marker="<", clip_on=False, label="training points")
    for line in draw_marks(ax.axvline, mark, "theory, $t = {:.3g}$"):
        # white between the black dashes, which shows on every colour of the map
        ax.axvline(line.get_xdata()[0], color="white", linewidth=line.get_linewidth(), zorder=line.zorder - 0.1)
    ax.set(xlabel=style.TIME_LABEL, ylabel="position $x$ (data units)")
    ax.set(xlim=(times.min(), times.max()), ylim=(positions.min(), positions.max()))
    if given is None:
        style.legend_below(ax.figure, ax)
    return ax.figure


def _check(name, shape, expected):
    if shape != expected:
        raise ValueError(f"`{name}` must have shape {expected}, but has shape {shape}.")
