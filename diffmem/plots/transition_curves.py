"""How sharp is the collapse? Own weight against noise, a curve for each number of training points."""

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from . import style

if TYPE_CHECKING:
    import xarray

NEEDED = ("own_weight", "own_weight_error", "own_weight_bulk", "own_weight_bound", "log_n")
CONFIDENCE = 1.96  # standard errors of a 95 % interval
BOUND_LINE = {"color": "#808080", "linestyle": "-", "linewidth": 1.0, "marker": "", "zorder": 1}


def transition(dataset: "xarray.Dataset", *, ax: Axes | None = None) -> Figure:
    """The result of `studies.transition`: sampled own weights with 95 % intervals, on lines of their lower bound.

    `dataset` has coordinates growth and scaled, and variables `own_weight`, `own_weight_error`, `own_weight_bulk` and
    `own_weight_bound`, all `(growth, scaled)`, and `log_n (growth)`. An interval extends upwards by the bound on the
    replaced bulk. The vertical line is where the mutual information is log n. `ax` draws into a panel that exists.

    Raises ValueError for a missing variable.
    """
    missing = [name for name in NEEDED if name not in dataset]
    if missing:
        raise ValueError(f"`dataset` must hold {', '.join(NEEDED)}, but lacks {', '.join(missing)}.")
    ax = style.panel(ax, 5.4, 3.8)
    dataset = dataset.transpose("growth", "scaled", ...).sortby(["growth", "scaled"])
    for i in range(dataset.sizes["growth"]):
        _draw(ax, dataset.isel(growth=i), "lower bound, in closed form" if i == 0 else None)
    ax.axvline(1, color=style.MARK_COLOUR, linestyle=style.MARK_LINES[0], linewidth=1.2, label=r"$I = \log n$")
    ax.set(xscale="log", ylim=(-0.03, 1.03))
    ax.xaxis.set_major_locator(LogLocator(subs=(0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.5, 2)))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set(xlabel=r"noise in units of its value at collapse $\sigma/\sigma_c$ (1)")
    ax.set(ylabel=r"mean weight of the own training point $\bar w_{\rm own}$ (1)")
    style.legend(ax)
    return ax.figure


def _draw(ax, curve, bound_label):
    x, weight = curve.scaled.values, curve.own_weight.values
    reach = CONFIDENCE * curve.own_weight_error.values
    ax.plot(x, curve.own_weight_bound.values, label=bound_label, **BOUND_LINE)
    bars = ax.errorbar(
        x,
        weight,
        yerr=np.stack([reach, reach + curve.own_weight_bulk.values]),
        label=_count(float(curve.log_n)),
        markersize=4,
        linewidth=1.2,
        capsize=2,
    )
    bars.lines[0].set_zorder(3)


def _count(log_n: float) -> str:
    """n as a power of ten, or itself where that is short."""
    if log_n < math.log(1e5):
        return f"$n = {round(math.exp(log_n))}$"
    return f"$n = 10^{{{log_n / math.log(10):.3g}}}$"
