"""Copies by labels, features, capacity, and the size of networks and data."""

import numpy as np
from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """Labels and features of digits; below, where they were run, mixtures and networks."""
    found = results.curves
    groups = {"copied_capacity": draw_mixtures, "copied_n": draw_networks}
    wanted = [draw for name, draw in groups.items() if name in found]
    drawn = style.new_figure(6.0 if not wanted else 9.0, 2.7 if not wanted else 5.2)
    axes = drawn.subplots(2, 3).ravel() if wanted else drawn.subplots(1, 2)
    for ax in axes:
        style.dress(ax)
        ax.set(ylabel="copies among samples (1)", ylim=(-0.04, 1.04), xscale="log")
    axes[0].plot(found.labels, found.copied_labels, markersize=4)
    axes[0].set(xlabel="kinds of random labels")
    _ticks(axes[0], found.labels)
    axes[1].plot(found.features, found.copied_features, markersize=4)
    axes[1].set(xlabel="random features $p$", xscale="linear")
    for draw, pair in zip(wanted, (axes[2:4], axes[4:6])):
        draw(found, *pair)
    for ax in axes[2 + 2 * len(wanted) :]:
        ax.set_axis_off()
    for ax in axes:
        style.legend(ax)
    return drawn


def draw_mixtures(found, share, capacity) -> None:
    """Copies against M/N, and the effective model memorization against M."""
    for m in found.capacity.values:
        share.plot(found.share, found.copied_capacity.sel(capacity=m), markersize=4, label=f"$M={m}$")
    share.set(xlabel="means over points $M/N$", xscale="linear")
    capacity.plot(found.capacity, found.memorized, markersize=4, label="$N$ with 90 % copies")
    line = {"color": style.MARK_COLOUR, "linestyle": "--", "marker": ""}
    capacity.plot(found.capacity, found.capacity, label="$N=M$", **line)
    low, high = found.capacity.values[[0, -1]]
    capacity.set(xlabel="means $M$", ylabel="training points", yscale="log", ylim=(0.75 * low, 1.5 * high))
    _ticks(capacity, found.capacity)
    capacity.set_yticks(found.capacity.values, [str(m) for m in found.capacity.values])


def draw_networks(found, copied, gap) -> None:
    """Copies against the number of points, the width and the dimension; the step at which the loss gap opens."""
    n = found.n.values[found.sizes["n"] // 2]
    for name, label in (("n", "points $n$"), ("width", f"width, $n={n}$"), ("d", f"dimension, $n={n}$")):
        copied.plot(found[name], found[f"copied_{name}"], markersize=4, label=label)
    copied.set(xlabel="points, width or dimension", ylim=(-0.03, 0.8))
    _ticks(copied, sorted({*found.n.values, *found.width.values, *found.d.values}))
    gap.plot(found.d, found.gap_step, markersize=4)
    gap.set(xlabel="dimension $d$", ylabel="step of loss gap .3", yscale="log", ylim=(100, 5000))
    _ticks(gap, found.d)
    gap.set_yticks([200, 500, 1000, 2000], ["200", "500", "1000", "2000"])


def _ticks(ax, values) -> None:
    ax.set_xticks(list(np.asarray(values)), [f"{value:g}" for value in np.asarray(values)], minor=False)
    ax.minorticks_off()
