"""Retained directions of both groups, which peak at different noise, and variance left, which falls together."""

from itertools import cycle

from matplotlib.figure import Figure

from ...plots import style
from ..base import Results
from .experiment import EACH, WIDE


def figure(results: Results) -> Figure:
    """Both measures against the noise, for every number of points; dotted: the noise of collapse."""
    curves = results.curves.mean("set")
    shown = {
        "count": rf"retained directions of {EACH}, $\lambda > \sigma^2/2$ (1)",
        "left": "variance left (1)",
        "count_wide": f"retained directions of {WIDE} (1)",
    }
    shown = {name: label for name, label in shown.items() if name in curves}
    drawn, axes = style.panels(7.5 if len(shown) == 2 else 10.5, 3.6, len(shown))
    for ax, (name, label) in zip(axes, shown.items()):
        for n, colour in zip(curves.n.values, cycle(style.COLOURS)):
            for group, line in zip(curves.group.values, ("-", "--")):
                curve = curves[name].sel(n=n, group=group)
                look = {"color": colour, "linestyle": line, "marker": ""}
                ax.plot(curves.sigma, curve, label=f"$n = {n}$, variance {group:g}", **look)
            if name != "count_wide":
                ax.axvline(float(curves.sigma_c.sel(n=n)), color=colour, linewidth=0.8, linestyle=":")
        ax.set(xscale="log", xlabel=r"noise $\sigma$ (data units)", ylabel=label)
    axes[1].axhline(0.5, color="grey", linewidth=0.8)
    axes[1].set_xlim(0.08, 40)  # room for the legend
    style.legend(axes[1])
    return drawn
