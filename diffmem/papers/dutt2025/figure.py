"""Copies against quality for every choice of parameters, and what searches find."""

import numpy as np
from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """All choices with their front; the distribution of the hypervolume of searches."""
    found = results.curves
    drawn, (left, right) = style.panels(6.8, 3.0, 2)
    for few, label in ((True, "at most two groups"), (False, "more groups")):
        part = found.sel(mask=found.mask[(found.groups <= 2) == few])
        left.plot(part.frechet, part.copied, linestyle="", markersize=4, label=label)
    best = found.sel(mask=found.mask[found.front])
    left.plot(best.frechet, best.copied, linestyle="", markersize=9, fillstyle="none", label="front")
    left.plot(found.frechet[-1:], found.copied[-1:], linestyle="", markersize=7, label="all parameters")
    left.axvline(float(found.frechet_before), label="no fine-tuning", **style.THEORY)
    left.set(xlabel="Frechet distance", ylabel="share of copies", ylim=(-0.03, 1.4))
    rank = np.linspace(0, 1, found.sizes["run"])
    for name in found.search.values:
        right.plot(np.sort(found.hypervolume.sel(search=name)), rank, marker="", label=name)
    right.set(xlabel="hypervolume of 30 choices", ylabel="share of searches below")
    return style.with_legends(drawn)
