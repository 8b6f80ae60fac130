"""The law of cliques beside what was found, and the ladder of the adaptive distance."""

from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """Prompts found against the probability of a copy; records extracted against the noise on them."""
    curves = results.curves
    drawn, (left, right) = style.panels(8.0, 3.0, 2)
    left.errorbar(
        curves.mass, curves.found, 2 * curves.error, marker="o", linestyle="", label="measured, 2 sd of the law"
    )
    left.plot(curves.mass, curves.law, label=r"$P({\rm Bin}(500, \pi) \geq 10)$", **style.THEORY)
    left.set(xlabel=r"probability $\pi$ of a copy", ylabel="prompts with a clique of 10")
    for whose in curves.neighbours.values:
        right.plot(curves.noise, curves.extracted.sel(neighbours=whose), label=f"neighbours of the {whose}")
    right.axvline(0.5, **style.THEORY)
    right.set(xlabel="noise over mean distance of 50 neighbours", ylabel="share extracted")
    return style.with_legends(drawn)
