"""Areas of the detectors, copies before and after mitigation, and how often words are ranked right."""

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...plots import detection_areas, style
from ..base import Results
from .experiment import MANY_NOISES


def figure(results: Results) -> Figure:
    """A panel for each group of claims that was computed."""
    found = results.curves
    panels = [hits] + [draw_areas] * ("auc" in found) + [rankings] * ("found" in found)
    drawn, axes = style.panels(4.6 * len(panels), 3.2, len(panels))
    for ax, draw in zip(axes, panels):
        draw(ax, found)
    return style.with_legends(drawn)


def draw_areas(ax: Axes, found: xr.Dataset) -> None:
    """The area of each detector for each pair of groups."""
    detection_areas(found.drop_sel(detector=MANY_NOISES), ax=ax)


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
