"""Kinds of attractors against n, depth of the wells against n, and polygons against their law."""

from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """Wells of random sets at the left and in the middle, regular polygons at the right."""
    found = results.curves
    drawn, (left, middle, right) = style.panels(9.0, 3.0, 3)
    for kind in found.kind.values:
        bars = 1.96 * found.attractors_error.sel(kind=kind)
        left.errorbar(found.n, found.attractors.sel(kind=kind), bars, markersize=4, linewidth=1.2, label=kind)
    left.plot(found.n, found.attractors.sum("kind"), color="#808080", marker="", linestyle="-", zorder=1, label="all")
    left.axhline(float(found.expected), label=r"$\sqrt{3/2}\,R/s$", **style.THEORY | {"linestyle": ":"})
    left.set(xscale="log", xlabel="training points $n$", ylabel="attractors on the circle", ylim=(None, 42))
    left.legend(loc="upper center", ncols=2, fontsize=style.SMALL, frameon=False, columnspacing=1.0)
    middle.plot(found.n, found.depth, markersize=4, label="median")
    middle.plot(found.n, found.fluctuation, marker="", label=r"$(\sqrt{\pi}R/ns)^{1/2}$")
    middle.set(xscale="log", yscale="log", xlabel="training points $n$", ylabel="depth of the wells (nats)")
    for noise in found.noise.values:
        one = found.sel(noise=noise, track="radius")
        right.plot(one.polygon_predicted, one.polygon, linestyle="", markersize=5, label=f"$s={noise:g}R$")
    ends = [0, 1.1 * float(found.polygon_predicted.max())]
    right.plot(ends, ends, **style.THEORY)
    right.set(xlabel=r"$(R/s)\sqrt{2\log(2/e)}$", ylabel="polygon whose wells have ripple $e$")
    return style.with_legends(drawn)
