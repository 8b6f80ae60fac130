"""Areas of the detectors, copies before and after mitigation, and how often words are ranked right."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """A panel for each group of claims that was computed."""
    found = results.curves
    draw = [(hits, "hit")] + [(areas, "auc")] * ("auc" in found) + [(rankings, "found")] * ("found" in found)
    drawn, axes = style.panels(4.2 * len(draw), 3.2, len(draw))
    for ax, (panel, _) in zip(axes, draw):
        panel(ax, found)
    return style.with_legends(drawn)


def areas(ax: Axes, found) -> None:
    """The area of each detector for each pair of groups, with its interval."""
    places = np.arange(found.sizes["pair"])
    for i, name in enumerate(found.detector.values):
        one = found.sel(detector=name)
        ends = np.abs(np.stack([one.auc_low, one.auc_high]) - one.auc.values)
        ax.errorbar(places + 0.08 * (i - 2), one.auc, ends, linestyle="", markersize=4, linewidth=1, label=name)
    ax.set_xticks(places, [pair.replace(" / ", "\n/ ") for pair in found.pair.values], fontsize=6)
    ax.set(ylabel="AUC", ylim=(0.2, 1.03), xlabel="positives / negatives")


def hits(ax: Axes, found) -> None:
    """Copies of each memorized prompt against its gap, by arm; open marks with centres of concepts."""
    for offset in found.offset.values:
        for colour, name in zip(style.COLOURS, found.arm.values):
            one = found.sel(offset=offset, arm=name)
            look = {"color": colour, "linestyle": "", "markersize": 5, "fillstyle": "none" if offset else "full"}
            ax.plot(one.gap, one.hit, marker="s" if offset else "o", label=f"{name}, offset {offset:g}", **look)
    ax.set(xlabel="gap at the first step (median of ordinary prompts)", ylabel="share of copies", ylim=(-0.05, 1.05))


def rankings(ax: Axes, found) -> None:
    """How often the trigger is ranked first, by the mean probability of the image it names."""
    mass = found.probability.mean("trial")
    for name in found.ranking.values:
        ax.plot(mass, found.found.sel(ranking=name).mean("trial"), markersize=5, label=name)
    ax.axhline(1 / 4, **style.THEORY, label="chance")
    ax.set(xlabel="probability of the copied image", ylabel="trigger ranked first (share)", ylim=(0, 1.05))
