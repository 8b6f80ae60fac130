"""Agreement of models of disjoint halves against the number of points."""

from matplotlib.figure import Figure

from ...plots import style
from ..base import Results

NAMES = {"empirical": "two empirical", "network": "two networks"}


def figure(results: Results) -> Figure:
    """Differences of fitted Gaussians, shares of close samples, and mean cosines."""
    found = results.curves
    drawn, (left, middle, right) = style.panels(9.4, 3.0, 3)
    for ax in (left, middle, right):
        ax.set(xscale="log", xlabel="points in each half")
    for case in found.case.values:
        one = found.sel(case=case)
        (line,) = left.plot(one.points, one.error, linestyle="", markersize=5, label=case)
        left.plot(one.points, one.error_predicted, color=line.get_color(), marker="", linestyle="-", linewidth=1)
    left.set(yscale="log", ylabel="relative squared difference")
    style.mark_values(left.xaxis, found.points.values)
    left.set_title("two fitted Gaussians (lines: theory)", fontsize=style.TEXT)
    for model, label in NAMES.items():
        one = found.sel(model=model)
        middle.plot(one.n, one.share, markersize=5, label=label)
        right.plot(one.n, one.cosine, markersize=5, label=label)
    middle.plot(found.n, found.gaussian_share, markersize=5, label="network, Gaussian fit")
    right.plot(found.n, found.gaussian_cosine, markersize=5, label="network, Gaussian fit")
    right.plot(found.n, found.shuffled.sel(model="network"), markersize=5, label="shuffled pairs")
    middle.set(ylim=(-0.03, 1.45), ylabel="share of cosines above .95")
    right.set(ylim=(-0.1, 1.03), ylabel="mean cosine")
    return style.with_legends(drawn)
