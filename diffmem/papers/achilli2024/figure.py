"""Retained directions of both groups, which peak at different noise, and variance left, which falls together."""

from itertools import cycle

from matplotlib.figure import Figure

from ...plots import style
from ..base import Results
from .experiment import EACH, WIDE

LABELS = {
    "count": rf"retained directions of {EACH}, $\lambda > \sigma^2/2$ (1)",
    "left": "variance left (1)",
    "count_wide": f"retained directions of {WIDE} (1)",
}


def figure(results: Results) -> Figure:
    """Both measures against the noise, for every number of points; dotted: the noise of collapse."""
    curves = results.curves.mean("set")
    shown = [name for name in LABELS if name in curves]
    drawn, axes = style.panels(0.9 + 3.2 * len(shown), 3.6, len(shown))
    for ax, name in zip(axes, shown):
        for n, colour in zip(curves.n.values, cycle(style.COLOURS)):
            for group, line in zip(curves.group.values, ("-", "--")):
                label = f"$n = {n}$, variance {group:g}" if name == "left" else None
                curve = curves[name].sel(n=n, group=group)
                ax.plot(curves.sigma, curve, color=colour, linestyle=line, marker="", label=label)
            if name != "count_wide":
                ax.axvline(float(curves.sigma_c.sel(n=n)), color=colour, linewidth=0.8, linestyle=":")
        ax.set(xscale="log", xlabel=r"noise $\sigma$ (data units)", ylabel=LABELS[name])
    axes[1].axhline(0.5, color="grey", linewidth=0.8)
    axes[1].set_xlim(0.08, 40)  # room for the legend
    return style.with_legends(drawn)
