"""The gap of labels against noise, and match rates against guidance where extraction was run."""

from matplotlib.figure import Figure

from ...plots import style
from ..base import Results

RATES = {"matched": "AMS, equal records", "reached": "UMS, unequal records", "matched_unequal": "AMS, unequal records"}


def figure(results: Results) -> Figure:
    """Gaps by kind of label, mean over dimensions; rates relative to no guidance."""
    curves = results.curves
    whole = "matched" in curves
    drawn, (left, *others) = style.panels(9.0 if whole else 4.5, 3.2, 2 if whole else 1)
    for kind in curves.labels.values:
        left.plot(curves.fraction, curves.gap.sel(labels=kind).mean("dimension"), label=f"labels: {kind}")
    left.axhline(1, label="log 8", **style.THEORY)
    left.set(xscale="log", xlabel="noise over distance of clusters", ylabel="information of a label / log 8")
    for right in others:
        for name, text in RATES.items():
            right.plot(curves.guidance, curves[name].sel(labels="clusters"), label=text)
        right.plot(curves.guidance, curves.reached.sel(labels="random"), label="UMS, random labels")
        right.axhline(1, **style.THEORY)
        right.set(xlabel="guidance weight", ylabel="rate over that without guidance")
    return style.with_legends(drawn)
