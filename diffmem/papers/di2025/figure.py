"""Accuracy against the noise of copied regions, what whole-image similarity flags, and sizes of match sets."""

from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """Three panels, as above."""
    found = results.curves
    drawn, (left, middle, right) = style.panels(10.4, 3.0, 3)
    left.plot(found.noise, found.accuracy, marker="o", markersize=4)
    left.set(xlabel=r"noise $\sigma$ of a copied region", ylabel="class accuracy", ylim=(0, 1.03))
    for name in found.type.values:
        middle.plot(found.noise, found.flagged.sel(type=name), marker="o", markersize=4, label=name)
    middle.set(xlabel=r"noise $\sigma$ of a copied region", ylabel="flagged as a whole", ylim=(-0.03, 1.03))
    ends = [1, float(found.sharers.max())]
    right.plot(ends, ends, **style.THEORY)
    right.plot(found.sharers, found.matches.mean("generation"), marker="o", markersize=4, linestyle="")
    right.set(xlabel="records with the foreground", ylabel="records that match", xscale="log", yscale="log")
    return style.with_legends(drawn)
