"""Copies against the strength of each regulariser, and the rate of collapse."""

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """Shares of copies (filled) beside an independent integration (open), and distances to the end against noise."""
    curves = results.curves
    drawn, (tikhonov, bayes, rate) = style.panels(9.6, 3.2, 3)
    draw_copies(curves, tikhonov, "tikhonov", "Tikhonov strength $c$ (data units$^2$)")
    draw_copies(curves, bayes, "bayes", r"empirical-Bayes floor $\tau$ (kernels)")
    noise, (low, middle, high) = curves.noise.values, curves.distance.values
    rate.fill_between(noise, low, high, alpha=0.25, linewidth=0, label="5-95 % of runs")
    rate.plot(noise, middle, marker="", linestyle="-", label="median")
    rate.plot(noise, noise * middle[-1] / noise[-1], label="slope 1", **style.THEORY)
    rate.set(xscale="log", yscale="log", xlabel="noise $b$ (data units)", ylabel="distance to the end (data units)")
    return style.with_legends(drawn)


def draw_copies(curves: xr.Dataset, ax: Axes, name: str, label: str) -> None:
    """Shares of copies, by distance and by ratio of distances, against the strength of a regulariser."""
    kinds = {"near": "$d_1 < 10^{-2}$", "ratio": "$d_1 < d_2/3$"}
    for (kind, what), colour, marker in zip(kinds.items(), style.COLOURS, style.MARKERS):
        share, look = curves[f"{name}_{kind}"], {"color": colour, "marker": marker}
        strength = curves[share.dims[0]]
        ax.plot(strength, share, linestyle="-", markersize=4, label=what, **look)
        ax.plot(strength, curves[f"{name}_{kind}_row"], linestyle="", fillstyle="none", markersize=9, **look)
    ax.set(xscale="log", xlabel=label, ylabel="share of copies", ylim=(-0.04, 1.04))
