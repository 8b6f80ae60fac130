"""What is known of a data set before training: its spectrum, copying against noise, its collapse against the number of
points and point by point.
"""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from .. import style
from ..spectra import spectra

if TYPE_CHECKING:
    import xarray

ERRORS = 2  # standard errors from a value to an end of its band
BINS = 40
# numbers between powers of ten that are labelled on a logarithmic axis, up to each ratio of its ends
BETWEEN = {4.0: set(range(2, 10)), 40.0: {2, 3, 5}, 200.0: {2, 5}, np.inf: set()}
RATIO_LABEL = r"noise-to-signal ratio $\sigma/\alpha$ (data units)"


def explained(dataset: "xarray.Dataset") -> Figure:
    """The result of `diffmem.explain` (`.to_dataset()`) in four panels: those of the other functions of this module."""
    figure, axes = style.panels(10.4, 7.2, 2, 2)
    panels = explained_spectrum, own_weight_against_noise, collapse_against_number, collapse_of_points
    for draw, ax in zip(panels, axes):
        draw(dataset, ax=ax)
    return figure


def explained_spectrum(dataset: "xarray.Dataset", *, ax: Axes | None = None) -> Figure:
    """Eigenvalues against rank; directions above a line stand out of the noise at collapse and speciation."""
    marks = {
        r"$(\sigma/\alpha)^2$ at collapse, $t_C$": float(dataset.collapse) ** 2,
        r"$(\sigma/\alpha)^2$ at speciation, $t_S$": float(dataset.speciation) ** 2,
    }
    return spectra(dataset.spectrum.values, marks, ax=ax)


def own_weight_against_noise(dataset: "xarray.Dataset", *, ax: Axes | None = None) -> Figure:
    """The mean posterior weight of the own training point against noise, in bands of 2 standard errors."""
    ax = style.panel(ax)
    for n in dataset["size"].values:
        curve = dataset.sel(size=n)
        value, reach = curve.own_weight.values, ERRORS * curve.own_weight_error.values
        (line,) = ax.plot(dataset.ratio, value, label=f"n = {n}", markersize=3)
        ends = np.clip(value - reach, 0, 1), np.clip(value + reach, 0, 1)
        ax.fill_between(dataset.ratio, *ends, color=line.get_color(), alpha=0.25, linewidth=0)
    ax.axhline(0.5, color="#808080", linewidth=0.8, linestyle="-")
    _mark(ax.axvline, dataset, "collapse", "$t_C$, collapse", 0)
    _mark(ax.axvline, dataset, "speciation", "$t_S$, speciation", 1)
    ax.set(xscale="log", xlabel=RATIO_LABEL, ylabel="weight $w$ of the own training point (1)", ylim=(-0.03, 1.03))
    _plain(ax.xaxis)
    style.legend(ax)
    return ax.figure


def collapse_against_number(dataset: "xarray.Dataset", *, ax: Axes | None = None) -> Figure:
    """The noise at collapse against the number of points, measured and predicted, with that by the spectrum alone."""
    ax = style.panel(ax)
    known = dataset.sel(n=np.isfinite(dataset.n_ratio.values))
    value, reach = known.n_ratio.values, ERRORS * known.n_error.values
    low = np.maximum(value - reach, value / 10)  # an interval that reaches 0 has no lower end on a logarithmic axis
    (line,) = ax.plot(known.n, value, label="measured, and continued", markersize=4)
    ax.fill_between(known.n, low, value + reach, color=line.get_color(), alpha=0.25, linewidth=0)
    ax.plot(dataset.n, dataset.n_spectrum, label="by the spectrum alone", **style.THEORY)
    ax.axvline(int(dataset.distinct), color="#808080", linewidth=0.8, linestyle="-", label="points there are")
    _mark(ax.axhline, dataset, "below", r"wanted $\sigma/\alpha$", 1)
    ax.set(xscale="log", yscale="log", xlabel="training points $n$ (count)", ylabel=RATIO_LABEL)
    _plain(ax.yaxis)
    style.legend(ax)
    return ax.figure


def collapse_of_points(dataset: "xarray.Dataset", *, ax: Axes | None = None) -> Figure:
    """How many points collapse at which noise: outliers and repeated points at the most."""
    ax = style.panel(ax)
    ratio = dataset.point_ratio.values
    finite = np.isfinite(ratio)
    edges = np.geomspace(ratio[finite].min() / 1.01, ratio[finite].max() * 1.01, BINS)
    repeated, outlier = dataset.point_repeats.values > 1, dataset.point_outlier.values.astype(bool)
    kinds = {"others": ~repeated & ~outlier, "outliers": outlier & ~repeated, "repeated": repeated}
    shown = {name: ratio[finite & kind] for name, kind in kinds.items() if (finite & kind).any()}
    colours = [colour for name, colour in zip(kinds, style.COLOURS) if name in shown]
    names = list(shown) if len(shown) > 1 else ["points" if name == "others" else name for name in shown]
    ax.hist(list(shown.values()), edges, stacked=True, color=colours, label=names, log=True)
    _mark(ax.axvline, dataset, "collapse", "$t_C$, collapse", 0)
    ax.set(xscale="log", xlabel=r"$\sigma/\alpha$ at its collapse (data units)", ylabel="points $n$ (count)")
    _plain(ax.xaxis)
    style.legend(ax)
    return ax.figure


def _plain(axis) -> None:
    """Numbers such as .6 in place of powers of ten, with others between them on a short axis."""
    low, high = axis.get_view_interval()
    between = next(numbers for most, numbers in BETWEEN.items() if high <= most * low)
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(
        FuncFormatter(
            lambda value, _: f"{value:g}" if round(value / 10 ** np.floor(np.log10(value))) in between else ""
        )
    )


def _mark(draw, dataset, name: str, label: str, look: int) -> None:
    value = float(dataset[name]) if name in dataset else np.nan
    if np.isfinite(value) and value > 0:
        draw(value, color=style.MARK_COLOUR, linestyle=style.MARK_LINES[look], linewidth=1.1, label=label)
