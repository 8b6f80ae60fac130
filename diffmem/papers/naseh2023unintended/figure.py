"""Accuracy of the three classes, copy scores without duplicates, and the leak against its law."""

import numpy as np
from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """Accuracy by size and share; copy scores before and after; samples against exact shares."""
    found = results.curves
    drawn, (left, middle, right) = style.panels(10.4, 3.0, 3)
    for share in found.share.values:
        left.plot(
            found["size"], found.accuracy.sel(share=share), marker="o", markersize=4, label=f"watermark on {share:.0%}"
        )
    left.set(xlabel="records for each word", ylabel="pairs classified rightly", ylim=(None, 1.02))
    places = np.arange(found.sizes["content"])
    for shift, name in zip((-0.2, 0.2), found.training_set.values):
        middle.bar(places + shift, found.copy_score.sel(training_set=name), 0.36, label=name)
    middle.axhline(1 / 5, **style.THEORY)
    middle.set_xticks(places, found.content.values)
    middle.set(xlabel="content", ylabel="mean share of samples with it", ylim=(0, 1.15))
    right.plot([0, 1], [0, 1], **style.THEORY)
    right.plot(found.leak_exact, found.leak, linestyle="", marker="o", markersize=4)
    right.set(xlabel="exact share of the watermark's value", ylabel="share among samples", xlim=(0, 1), ylim=(0, 1))
    return style.with_legends(drawn)
