"""Copies of students in the course of training, their distance to the law, and the energies of linear students."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """Copies in the course of distillation, the distance to the law, and the energies of the linear model."""
    found = results.curves
    count = 3 if "copied" in found else 1
    drawn, axes = style.panels(0.6 + 2.9 * count, 3.0, count)
    if count == 3:
        draw_copies(found, axes[0])
        draw_distances(found, axes[1])
    place = np.arange(len(found.t))
    for i, (name, text) in enumerate((("sample_energy", "modes of the sample"), ("population_energy", "population"))):
        axes[-1].bar(place + 0.35 * (i - 0.5), found[name], 0.33, color=style.COLOURS[i], label=text)
    axes[-1].axhline(1, **style.THEORY)
    axes[-1].set_xticks(place, [f"t = {t:g}" for t in found.t.values])
    axes[-1].set(xlabel="random features", ylabel="energy, student over teacher (1)", ylim=(0, 1.5))
    return style.with_legends(drawn)


def draw_copies(found: xr.Dataset, ax: Axes) -> None:
    """Copies of students and controls in the course of training, beside those of their teachers."""
    for i, kind in enumerate(found.teacher.values):
        one, look = found.sel(teacher=kind), {"color": style.COLOURS[i], "markersize": 4}
        teacher = float(one.copied.sel(made_by="teacher"))
        ax.axhline(teacher, color=look["color"], linestyle=":", label=f"{kind} teacher itself")
        for learner, line, marker in (("consistency", "-", "o"), ("control", "--", "s")):
            curve = one["course"].sel(learner=learner)
            ax.plot(found.share, curve, linestyle=line, marker=marker, label=f"{learner}, {kind} teacher", **look)
    ax.set(xlabel="share of the student's training", ylabel="copies in one step (1)")
    ax.set_yscale("symlog", linthresh=0.02)
    ax.set_yticks([0, 0.01, 0.1, 1], ["0", "0.01", "0.1", "1"])
    ax.set(ylim=(0, 300))  # leaves room for the legend


def draw_distances(found: xr.Dataset, ax: Axes) -> None:
    """Energy distance to the law of the samples of teachers, students and controls."""
    place = np.arange(len(found.made_by.values))
    for i, kind in enumerate(found.teacher.values):
        one = found.sel(teacher=kind)
        look = {"color": style.COLOURS[i], "label": f"{kind} teacher"}
        ax.bar(place + 0.35 * (i - 0.5), one.distance, 0.33, yerr=one.distance_error, **look)
    ax.set_xticks(place, found.made_by.values, fontsize=style.SMALL)
    ax.set(xlabel="samples of", ylabel="energy distance to the law", ylim=(0, 1.4 * float(found.distance.max())))
