"""The one-step estimates of the three kinds of label, and the variance that shows a template."""

from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """Size of the step against agreement with a record; variance of generations by coordinate."""
    curves = results.curves
    drawn, (left, right) = style.panels(8.0, 3.0, 2)
    for kind in curves.kind.values:
        one = curves.sel(kind=kind)
        left.plot(one.cosine, one.change, linestyle="", markersize=4, label=f"{kind} labels")
    left.set(xlabel="cosine of one step with nearest record", ylabel="mean square of the step")
    right.plot(range(curves.sizes["coordinate"]), curves.variance, linestyle="", markersize=4, label="template labels")
    right.axhline(0.05, label="cut of the mask", **style.THEORY)
    right.set(xlabel="coordinate (first 16 shared)", ylabel="variance of generations (rel.)", yscale="log")
    return style.with_legends(drawn)
