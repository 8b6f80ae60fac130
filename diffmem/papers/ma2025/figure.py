"""InvMM against repetition, and against the information that bounds it."""

import numpy as np
from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """Divergences of all searches; at the right beside their lower bounds."""
    curves = results.curves
    drawn, (left, right) = style.panels(8.0, 3.2, 2)
    rows = curves.divergence.transpose("weight", "set", "search").values.reshape(curves.sizes["weight"], -1)
    left.plot(curves.weight, rows, linestyle="", marker="o", markersize=3, color=style.COLOURS[0])
    found = np.ma.masked_invalid(rows)  # a search that never succeeds has no point
    left.plot(curves.weight, found.mean(axis=1), marker="", label="mean")
    left.set(xscale="log", yscale="log", xlabel="weight of the target", ylabel=r"$d \cdot$ InvMM (nats)")
    style.mark_values(left.xaxis, curves.weight.values)
    right.plot(curves.least.values.ravel(), curves.divergence.values.ravel(), linestyle="", markersize=3)
    top = float(curves.least.max()) * 1.1
    right.plot([0, top], [0, top], label="bound", **style.THEORY)
    right.set(xlabel=r"${\rm kl}(q, \pi_S)$ (nats)", ylabel=r"$d \cdot$ InvMM (nats)")
    return style.with_legends(drawn)
