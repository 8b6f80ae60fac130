"""Accuracy against copies, by arm."""

from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """Each arm on each draw, and lines through the means of the ramps and of the optimised embeddings."""
    found = results.curves
    drawn, (ax,) = style.panels(6.4, 4.0, 1)
    for i, name in enumerate(found.arm.values):
        one = found.sel(arm=name)
        look = {
            "color": style.COLOURS[(i + 2 * (i // 7)) % 7],
            "marker": style.MARKERS[i % 7],
            "markersize": 4,
            "linestyle": "",
        }
        ax.plot(one.hit, one.accuracy, label=name, fillstyle="full" if i < 7 else "none", **look)
    for family in ("ramp", "embedding"):
        names = [name for name in found.arm.values if name.startswith(family)]
        means = found.sel(arm=names).mean("draw").sortby("hit")
        ax.plot(means.hit, means.accuracy, **style.THEORY | {"linestyle": "-" if family == "ramp" else ":"})
    ax.set(xlabel="share of copies", ylabel="samples in their concept (share)", xlim=(-0.03, 1.05), ylim=(0, 1.05))
    ax.legend(fontsize=style.SMALL, ncols=2, frameon=False)
    return drawn
