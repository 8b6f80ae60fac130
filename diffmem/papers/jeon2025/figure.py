"""Areas of curvature and gap, and copies by the choice of starting noises."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...plots import detection_areas, style
from ..base import Results


def figure(results: Results) -> Figure:
    """Copies against the norm of the noises; the statistics and areas where they were computed."""
    found = results.curves
    with_areas = "auc" in found
    drawn, axes = style.panels(4.6 * (1 + 2 * with_areas), 3.2, 1 + 2 * with_areas)
    noises(axes[0], found)
    if with_areas:
        statistics(axes[1], found)
        detection_areas(found, ax=axes[2])
    return style.with_legends(drawn)


def noises(ax: Axes, found) -> None:
    """The share of copies against the mean norm of the starting noises; open marks for the prompt of one image."""
    for name in found.choice.values:
        several, single = (found.sel(choice=name, images=images) for images in found.images.values)
        (mark,) = ax.plot(several.norm, several.hit, linestyle="", markersize=6, label=name)
        look = {"color": mark.get_color(), "marker": mark.get_marker(), "fillstyle": "none", "markersize": 6}
        ax.plot(single.norm, single.hit, linestyle="", **look)
    ax.set(xlabel="mean norm of the starting noises", ylabel="copies of the image of most records", ylim=(-0.05, 1.05))


def statistics(ax: Axes, found) -> None:
    """Curvature against the gap of each prompt."""
    for name in found.group.values:
        one = found.statistic.sel(group=name)
        ax.plot(one.sel(detector="gap"), one.sel(detector="curvature"), linestyle="", markersize=3, label=name)
    ax.set(xlabel="gap at the first step", ylabel="curvature at the first step", yscale="log")
