"""Samples of the three scores for jittered points, and the distance from the circle against the bandwidth."""

import numpy as np
from matplotlib.figure import Figure

from ...plots import style
from ..base import Results
from .experiment import END


def figure(results: Results) -> Figure:
    """Samples beside training points; at the right both smoothings beside their laws."""
    curves = results.curves.sel(spacing="jittered")
    widths = curves.bandwidth.values
    drawn, (*panels, right) = style.panels(10.4, 2.9, 1 + curves.sizes["kind"])
    for ax, kind in zip(panels, curves.kind.values):
        ax.scatter(*curves.samples.sel(kind=kind).values.T, s=4, color=style.COLOURS[0], linewidth=0)
        ax.scatter(*curves.points.values.T, marker="+", s=60, color="black", linewidth=1.2)
        ax.set(xlim=(-1.7, 1.7), ylim=(-1.7, 1.7), xlabel="$x_1$ (radii)", ylabel="$x_2$ (radii)")
        ax.set_aspect("equal")
        ax.set_title(kind if kind == "plain" else f"{kind}, $h = {widths[len(widths) // 2]:g}$", size=style.TEXT)
    for kind in curves.kind.values[1:]:
        right.plot(widths, curves.deviation.sel(kind=kind).mean("draw"), label=kind)
    h = np.linspace(0, max(widths), 50)
    laws = {
        r"$\sigma_{\rm end} + h^2/2$": (END + h**2 / 2, ":"),
        r"$\sqrt{h^2 + \sigma_{\rm end}^2}$": (np.hypot(h, END), "--"),
    }
    for label, (law, line) in laws.items():
        right.plot(h, law, label=label, **style.THEORY | {"linestyle": line})
    right.set(xlabel="bandwidth $h$ (radii)", ylabel="rms off the circle (radii)")
    return style.with_legends(drawn)
