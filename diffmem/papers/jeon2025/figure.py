"""Areas of curvature and gap, and copies by the choice of starting noises."""

from matplotlib.figure import Figure

from ...plots import detection_areas, style
from ..base import Results


def figure(results: Results) -> Figure:
    """Copies against the norm of the noises, open marks for the prompt of one image; statistics and areas, where they
    were computed."""
    found = results.curves
    with_areas = "auc" in found
    drawn, (noises, *others) = style.panels(4.6 * (1 + 2 * with_areas), 3.2, 1 + 2 * with_areas)
    for name in found.choice.values:
        several, single = (found.sel(choice=name, images=images) for images in found.images.values)
        (mark,) = noises.plot(several.norm, several.hit, linestyle="", markersize=6, label=name)
        look = {"color": mark.get_color(), "marker": mark.get_marker(), "fillstyle": "none", "markersize": 6}
        noises.plot(single.norm, single.hit, linestyle="", **look)
    noises.set(xlabel="mean norm of the starting noises", ylabel="copies of the image of most records")
    noises.set_ylim(-0.05, 1.05)
    if with_areas:
        statistics, areas = others
        for name in found.group.values:
            gap, curvature = (found.statistic.sel(group=name, detector=detector) for detector in ("gap", "curvature"))
            statistics.plot(gap, curvature, linestyle="", markersize=3, label=name)
        statistics.set(xlabel="gap at the first step", ylabel="curvature at the first step", yscale="log")
        detection_areas(found, ax=areas)
    return style.with_legends(drawn)
