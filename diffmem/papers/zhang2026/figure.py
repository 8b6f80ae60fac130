"""Masses of units, the detector of memorized inputs, and steering."""

from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """Masses beside their prediction, the spread of codes, and how far steering moves the output."""
    found = results.curves
    drawn, (left, middle, right) = style.panels(9.4, 3.0, 3)
    left.plot(found.mass_predicted.values.ravel(), found.mass.values.ravel(), linestyle="", markersize=5)
    ends = [float(found.mass_predicted.min()), float(found.mass_predicted.max())]
    left.plot(ends, ends, **style.THEORY)
    left.set(xlabel=r"$(|x|^2-n\lambda)/(|x|^2+\sigma^2)$", ylabel="mass $|w_1||w_2|$ of its unit")
    left.locator_params(axis="x", nbins=4)
    for colour, kind in zip(style.COLOURS, found.kind.values):
        middle.plot(found.spread, found.density.sel(kind=kind), marker="", label=kind)
        for line, rounds in zip(style.LINES, found.rounds.values):
            label = f"{kind}, {rounds} rounds" if rounds > 1 else f"{kind}, 1 round"
            path = found.displacement.sel(kind=kind, rounds=rounds)
            right.plot(found.strength, path, color=colour, linestyle=line, marker="", label=label)
    seen = found.spread[(found.density > 0).any("kind")]
    middle.set(xlabel="spread of the normalized code", ylabel="density", xlim=(seen.min() - 0.01, seen.max() + 0.01))
    right.set(xlabel="displacement of the input, units of $u$", ylabel="of the output", ylim=(-0.03, 1.75))
    return style.with_legends(drawn)
