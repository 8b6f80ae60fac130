"""Copies of students in the course of training, their distance to the law, and the energies of linear students."""

import numpy as np
from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """Copies in the course of distillation, the distance to the law, and the energies of the linear model."""
    found = results.curves
    count = 3 if "copied" in found else 1
    drawn, axes = style.panels(0.6 + 2.9 * count, 3.0, count)
    if count == 3:
        draw_students(found, *axes[:2])
    place = np.arange(len(found.t))
    for i, (name, text) in enumerate((("sample_energy", "modes of the sample"), ("population_energy", "population"))):
        axes[-1].bar(place + 0.35 * (i - 0.5), found[name], 0.33, color=style.COLOURS[i], label=text)
    axes[-1].axhline(1, **style.THEORY)
    axes[-1].set_xticks(place, [f"t = {t:g}" for t in found.t.values])
    axes[-1].set(xlabel="random features", ylabel="energy, student over teacher (1)", ylim=(0, 1.5))
    return style.with_legends(drawn)


def draw_students(found, left, right) -> None:
    """Copies in the course of training beside those of the teachers; energy distance of all samples to the law."""
    place = np.arange(len(found.made_by))
    for i, kind in enumerate(found.teacher.values):
        one, colour = found.sel(teacher=kind), style.COLOURS[i]
        left.axhline(one.copied.sel(made_by="teacher"), color=colour, linestyle=":", label=f"{kind} teacher itself")
        for learner, line, marker in (("consistency", "-", "o"), ("control", "--", "s")):
            look = {"color": colour, "linestyle": line, "marker": marker, "markersize": 4}
            left.plot(found.share, one["course"].sel(learner=learner), label=f"{learner}, {kind} teacher", **look)
        look = {"color": colour, "yerr": one.distance_error, "label": f"{kind} teacher"}
        right.bar(place + 0.35 * (i - 0.5), one.distance, 0.33, **look)
    left.set(xlabel="share of the student's training", ylabel="copies in one step (1)")
    left.set_yscale("symlog", linthresh=0.02)
    left.set_yticks([0, 0.01, 0.1, 1], ["0", "0.01", "0.1", "1"])
    left.set(ylim=(0, 300))  # leaves room for the legend
    right.set_xticks(place, found.made_by.values, fontsize=style.SMALL)
    right.set(xlabel="samples of", ylabel="energy distance to the law", ylim=(0, 1.4 * float(found.distance.max())))
