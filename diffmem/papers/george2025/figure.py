"""Score errors and losses over the number of features."""

import math

from matplotlib.figure import Figure

from ...plots import style
from ..base import Results
from .experiment import PSI_N, TIME


def figure(results: Results) -> Figure:
    """Left: matrices (markers) and theory (lines); dotted: p = n, dashed: where the curves cross. Right: losses."""
    found = results.curves
    drawn, (left, right) = style.panels(7.6, 3.2, 2)
    for ax in (left, right):
        ax.axvline(PSI_N, **style.THEORY | {"linestyle": ":"})
        ax.set(xscale="log", yscale="log", xlabel=r"features over dimensions $\psi_p$ (1)")
        style.mark_values(ax.xaxis, (1, 2, 4, 8, 16))
    for i, (name, short) in enumerate((("one", "$m=1$"), ("all", r"$m=\infty$"))):
        look = {"color": style.COLOURS[i], "linestyle": style.LINES[i], "marker": ""}
        left.plot(found.fine, found[f"{name}_score"], label=f"{name} noise, {short}", **look)
        for one in found[name].transpose("draw", "psi_p").values:
            left.plot(found.psi_p, one, linestyle="", marker=style.MARKERS[i], markersize=4, color=style.COLOURS[i])
        right.plot(found.fine, found[f"{name}_test"], label=f"test, {short}", **look)
        right.plot(found.fine, found[f"{name}_train"], label=f"training, {short}", alpha=0.5, **look)
    if PSI_N in found.psi_n:
        cross = PSI_N * float(found.crossing.sel(psi_n=PSI_N))
        left.axvline(cross, **style.THEORY)
    left.set(ylabel="score error per dimension (1)")
    right.axhline(math.exp(-2 * TIME), **style.THEORY)
    right.set(ylabel="loss per dimension (1)", ylim=(2e-3, 20))
    return style.with_legends(drawn)
