"""D1 against the share of copies, feedback by the size of the label, and delayed guidance."""

from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """One point a label; shares of positive margins; copies against the delay."""
    found = results.curves
    drawn, (left, middle, right) = style.panels(10.4, 3.0, 3)
    look = {"marker": "o", "markersize": 4}
    for weight in found.guidance.values[[0, -1]]:
        one = found.sel(guidance=weight)
        left.plot(one.hit, one.excess, linestyle="", label=f"guidance {weight:g}", **look)
    left.set(xlabel="share of copies of the target", ylabel="$D_1$")
    for samples in found.samples.values:
        middle.plot(found["size"], found.positive_margin.sel(samples=samples), label=samples, **look)
    middle.set(xlabel="points of the label", ylabel="share of steps with positive margin", xscale="log", ylim=(0, 1.05))
    for before in found.before.values:
        right.plot(found.delay, found.delayed_hit.sel(before=before), label=f"{before} before", **look)
    right.set(xlabel="steps before guidance 7.5", ylabel="share of copies", ylim=(0, 1))
    return style.with_legends(drawn)
