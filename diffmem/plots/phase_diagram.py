"""When does it collapse? Time against the number of training points, a panel for each dimension."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from . import style

if TYPE_CHECKING:
    import xarray

COLUMNS = 4  # panels a row
SPECTRUM_LINE = {"color": "#D55E00", "linestyle": "-"}
MONTE_CARLO_LINE = {"color": "#000000", "linestyle": "--"}
POINTS = {"fmt": "o", "color": "black", "markerfacecolor": "white", "markersize": 5.5, "capsize": 3, "zorder": 5}


def phase_diagram(dataset: "xarray.Dataset", *, log_time: bool = False) -> Figure:
    """The result of `studies.collapse`: a map of the own-point weight with measured and predicted collapse times on it.

    `dataset` has coordinates n, d, t and variables `own_weight (n, d, t)`; `measured`, `measured_low`, `measured_high`
    and `predicted`, all `(n, d)`; and may have `predicted_mc (n, d)`. A time that is NaN is not drawn.

    Raises ValueError for a missing variable, and for t <= 0 with `log_time`.
    """
    _check(dataset, log_time)
    dataset = dataset.transpose("n", "d", "t", ...).sortby(["n", "d", "t"])
    count = dataset.sizes["d"]
    columns = min(count, COLUMNS)
    rows = -(-count // columns)
    figure = style.new_figure(1.6 + 2.5 * columns, 0.9 + 2.9 * rows)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for ax in grid.flat[count:]:
        ax.set_visible(False)
    edges = _edges(dataset.n.values, log=True), _edges(dataset.t.values, log=log_time)
    for ax, d in zip(grid.flat, dataset.d.values):
        cells = _draw(ax, dataset.sel(d=d), edges)
        ax.set_title(f"$d = {d}$", size=style.TEXT)
    for i, ax in enumerate(grid.flat[:count]):
        ax.set(xscale="log", yscale="log" if log_time else "linear", ylim=edges[1][[0, -1]], xlim=edges[0][[0, -1]])
        _ticks(ax, dataset.n.values, below=i + columns >= count, beside=i % columns == 0)
    bar = figure.colorbar(cells, ax=grid, pad=0.01, aspect=30)
    bar.set_label(r"mean weight of the own training point $\bar w_{\rm own}$", size=style.TEXT)
    bar.ax.tick_params(labelsize=style.SMALL)
    style.legend_below(figure, grid[0, 0])
    return figure


def _check(dataset, log_time):
    needed = ("own_weight", "measured", "measured_low", "measured_high", "predicted")
    missing = [name for name in needed if name not in dataset]
    if missing:
        raise ValueError(f"`dataset` must hold {', '.join(needed)}, but lacks {', '.join(missing)}.")
    if log_time and not (dataset.t.values > 0).all():
        raise ValueError(f"`t` must be positive on a log axis, but goes down to {dataset.t.values.min()}.")


def _edges(centres, log):
    """Borders between cells, half way between neighbours (on the log axis if log); a single cell spans a factor 2."""
    x = np.log(centres) if log else np.asarray(centres, float)
    if len(x) == 1:
        return np.array([centres[0] / 2**0.5, centres[0] * 2**0.5])
    middle = (x[1:] + x[:-1]) / 2
    edges = np.concatenate([[2 * x[0] - middle[0]], middle, [2 * x[-1] - middle[-1]]])
    return np.exp(edges) if log else edges


def _draw(ax, panel, edges):
    style.dress(ax)
    weight = np.ma.masked_invalid(panel.own_weight.transpose("t", "n").values)
    cells = ax.pcolormesh(*edges, weight, cmap=style.colour_map(), vmin=0, vmax=1, rasterized=True)
    n, measured = panel.n.values, panel.measured.values
    _predict(ax, n, panel.predicted.values, "predicted from the spectrum", SPECTRUM_LINE)
    if "predicted_mc" in panel:
        _predict(ax, n, panel.predicted_mc.values, "predicted, mutual information by Monte Carlo", MONTE_CARLO_LINE)
    ax.errorbar(
        n,
        measured,
        yerr=np.stack([measured - panel.measured_low.values, panel.measured_high.values - measured]),
        label=r"measured, $\bar w_{\rm own} = 1/2$",
        **POINTS,
    )
    return cells


def _predict(ax, n, time, label, line):
    ax.plot(n, time, label=label, marker="", linewidth=1.8, path_effects=style.OUTLINE, **line)
    # a prediction without one beside it is no line: a bar instead
    known = np.pad(np.isfinite(time), 1)
    alone = known[1:-1] & ~known[:-2] & ~known[2:]
    bar = {"linestyle": "", "marker": "_", "markersize": 18, "markeredgewidth": 1.8, "color": line["color"]}
    ax.plot(n[alone], time[alone], path_effects=style.OUTLINE, **bar)


def _ticks(ax, n, below, beside):
    """Every n as a tick where there are few."""
    if len(n) <= 6:
        ax.xaxis.set_major_locator(FixedLocator(n))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    if below:
        ax.set_xlabel("training points $n$ (count)")
        ax.tick_params(labelbottom=True)
    if beside:
        ax.set_ylabel(style.TIME_LABEL)
