"""What is left of copies: records of an exact score, hidden units of a network, and after the attack."""

import numpy as np
from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """Shares of hits by what is blocked; distances after the attack."""
    found = results.curves
    network = "learned_hit" in found
    drawn, axes = style.panels(9.4 if network else 6.4, 3.0, 3 if network else 2)
    axes[0].plot(found.label, found.similarity, linestyle="", markersize=4, label="largest similarity of two seeds")
    axes[0].axhline(float(found.threshold), label="threshold", **style.THEORY)
    axes[0].set(xlabel="label (first ten memorized)", ylabel="structural similarity")
    place = np.arange(found.sizes["stage"])
    for line, measure in zip(style.LINES, found.measure.values):
        for colour, weight in zip(style.COLOURS, found.guidance.values):
            values = found.hit.sel(measure=measure, guidance=weight)
            label = f"{measure}, guidance {weight:g}"
            axes[1].plot(place, values, color=colour, linestyle=line, markersize=5, label=label)
    axes[1].set_xticks(place, found.stage.values)
    axes[1].set(xlabel="blocked records", ylabel="share of hits", ylim=(-0.03, 1.75))
    if network:
        for choice in found.choice.values:
            axes[2].plot(found.units, found.learned_hit.sel(choice=choice), markersize=4, label=f"hits, {choice}")
            distance = found.learned_distance.sel(choice=choice)
            axes[2].plot(found.units, distance, marker="", label=f"distance, {choice}")
        axes[2].set(xscale="log", xlabel="blocked hidden units", ylim=(-0.03, 1.75))
    return style.with_legends(drawn)
