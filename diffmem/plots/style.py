"""The look of every figure, in one place: sizes for print, and curves that differ by more than their colour."""

from collections.abc import Iterable
from typing import Any

import matplotlib
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import NullLocator

# Okabe and Ito's colours, told apart with any colour vision; yellow is left out, being invisible on paper
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
MARK_COLOUR, MARK_LINES = "#000000", ("--", ":", "-.", (0, (8, 2)))  # of theory lines, apart from the curves
THEORY = {"color": MARK_COLOUR, "linestyle": "--", "marker": "", "linewidth": 1}  # the look of a theory line
MAP = "cividis"  # perceptually uniform, ascending in grey, the same to the colour-blind
DPI = 140
TEXT, SMALL = 9, 8  # points
OUTLINE = (withStroke(linewidth=3.2, foreground="white"),)  # keeps dark lines legible on dark cells

TIME_LABEL = "diffusion time $t$ (dimensionless)"
SIGMA_LABEL = r"noise scale $\sigma$ (data units)"


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches, free of pyplot."""
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def panels(width: float, height: float, columns: int, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """An empty figure of so many inches, and its panels in the house style, row by row."""
    figure = new_figure(width, height)
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for ax in axes:
        dress(ax)
    return figure, axes


def panel(ax: Axes | None, width: float = 5.0, height: float = 3.4) -> Axes:
    """The axes to draw in: those given, or those of a new figure."""
    ax = new_figure(width, height).add_subplot() if ax is None else ax
    dress(ax)
    return ax


def dress(ax: Axes) -> None:
    """The house style on one panel."""
    ax.set_prop_cycle(cycler(color=COLOURS) + cycler(linestyle=LINES) + cycler(marker=MARKERS))
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(which="both", labelsize=SMALL)
    ax.xaxis.label.set_size(TEXT)
    ax.yaxis.label.set_size(TEXT)


def legend(*axes: Axes, title: str | None = None) -> None:
    """A legend in each panel where anything is labelled, under a title if given."""
    for ax in axes:
        if ax.get_legend_handles_labels()[1]:
            text = {"fontsize": SMALL, "title": title, "title_fontsize": SMALL}
            ax.legend(**text, frameon=True, framealpha=0.9, edgecolor="none", handlelength=2.6)


def legend_below(figure: Figure, ax: Axes) -> None:
    """One legend below all panels of what `ax` labels, in as many columns as the figure is wide enough for."""
    handles, labels = ax.get_legend_handles_labels()
    for columns in range(len(labels), 0, -1):
        below = figure.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize=SMALL, frameon=False)
        if columns == 1 or below.get_window_extent().width <= figure.bbox.width:
            return
        below.remove()


def colour_map() -> Colormap:
    """The map of magnitudes, light grey where there is no value."""
    return matplotlib.colormaps[MAP].with_extremes(bad="#e6e6e6")


def with_legends(figure: Figure) -> Figure:
    """The figure, with a legend in each panel that has labelled curves and no legend yet."""
    legend(*(ax for ax in figure.axes if ax.get_legend() is None))
    return figure


def mark_values(axis: Axis, values: Iterable[Any]) -> None:
    """Ticks of the x or y axis of a panel at these numbers only, as on a logarithmic axis over a few sizes."""
    axis.set_ticks(list(values), [f"{value:g}" for value in values])
    axis.set_minor_locator(NullLocator())
