"""Excess losses against the signal-to-noise ratio, and copies of trained mixtures against their capacity."""

from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """The two excess losses, the constant C, and, where they were trained, mixtures with their predicted capacities."""
    found = results.curves.isel(t=slice(1, -1))  # the first and last are off any useful scale
    drawn, axes = style.panels(9.0, 3.0, 3) if "copied" in found else style.panels(7.0, 3.0, 2)
    left, right, *others = axes
    for ax in (left, right):
        ax.set(xscale="log", xlabel=r"signal-to-noise ratio $\psi$ (1)")
    left.plot(found.snr, found.predicted, label=r"$1/(1+\psi)$", **style.THEORY)
    left.plot(found.snr, found.generalizing, linestyle="", markersize=4, label="generalizing")
    for share in found.share.values[1::2]:
        left.plot(found.snr, found.partial.sel(share=share), markersize=3, label=f"knowing $M={share:g}N$")
    left.set(ylabel="excess loss per dimension (1)", yscale="log")
    for share in found.share.values:
        right.plot(found.snr, found.constant.sel(share=share), markersize=3, label=f"$M={share:g}N$")
    right.set(ylabel="$C$ (1)", ylim=(0, 2.1))
    for ax in others:
        for n in found.points.values:
            ax.plot(found.capacity, found.copied.sel(points=n), markersize=4, label=f"$N={n}$")
        for i, share in enumerate(found.half_predicted.values):
            ax.axvline(share, label=None if i else "losses cross", **style.THEORY | {"linestyle": ":"})
        ax.set(xlabel="trained means over points $M/N$", ylabel="copies among samples (1)", ylim=(-0.04, 1.04))
    return style.with_legends(drawn)
