"""Order parameter, response, and what a late start costs."""

import math

from matplotlib.figure import Figure

from ...plots import style
from ..base import Results
from .experiment import SDE_TIME


def figure(results: Results) -> Figure:
    """Fixed points against the noise, their response at the bifurcation, and the error after a late start."""
    found = results.curves
    drawn, (left, middle, right) = style.panels(9.0, 3.0, 3)
    left.plot(found.fine, found.magnetization, marker="", label=r"$m=\tanh(m/\sigma^2)$")
    left.plot(found.ratio, found.attractor, linestyle="", markersize=4, label="attractor found")
    left.set(xlabel=r"noise $\sigma/\alpha$ (half distances)", ylabel="stable fixed point $m$ (1)")
    middle.plot(found.gap, found.response_above, markersize=4, label=r"$\sigma^2>1$")
    middle.plot(found.gap, found.response_below, markersize=4, label=r"$\sigma^2<1$")
    middle.set(xscale="log", yscale="log", xlabel=r"$|1-\sigma^2|$ (1)", ylabel="response of the fixed point (1)")
    right.plot(found.start, found.late_start, markersize=4)
    marks = {"drift of the SDE": 1, "fixed points": math.log(2) / 2 / SDE_TIME}
    for (label, time), line in zip(marks.items(), style.MARK_LINES):
        right.axvline(time, label=label, **style.THEORY | {"linestyle": line})
    right.set(xlabel=r"start $t_s$ (critical times of the SDE)", ylabel="error at the end (total variation)")
    right.set_yscale("log")
    return style.with_legends(drawn)
