"""Areas of the detectors, copies before and after mitigation, and how often words are ranked right."""

from matplotlib.figure import Figure

from ...plots import detection_areas, style
from ..base import Results
from .experiment import MANY_NOISES


def figure(results: Results) -> Figure:
    """Copies by the gap of a prompt, open marks with centres of concepts; areas and words where they were computed."""
    found = results.curves
    count = 1 + ("auc" in found) + ("found" in found)
    drawn, axes = style.panels(4.6 * count, 3.2, count)
    for offset in found.offset.values:
        for colour, name in zip(style.COLOURS, found.arm.values):
            one = found.sel(offset=offset, arm=name)
            look = {"color": colour, "linestyle": "", "markersize": 5, "fillstyle": "none" if offset else "full"}
            axes[0].plot(one.gap, one.hit, marker="s" if offset else "o", label=f"{name}, offset {offset:g}", **look)
    axes[0].set(xlabel="gap at the first step (median of ordinary prompts)", ylabel="share of copies")
    axes[0].set_ylim(-0.05, 1.05)
    if "auc" in found:
        detection_areas(found.drop_sel(detector=MANY_NOISES), ax=axes[1])
    if "found" in found:
        mass = found.probability.mean("trial")
        for name in found.ranking.values:
            axes[-1].plot(mass, found.found.sel(ranking=name).mean("trial"), markersize=5, label=name)
        axes[-1].axhline(1 / 4, **style.THEORY, label="chance")
        axes[-1].set(xlabel="probability of the copied image", ylabel="trigger ranked first (share)", ylim=(0, 1.05))
    return style.with_legends(drawn)
