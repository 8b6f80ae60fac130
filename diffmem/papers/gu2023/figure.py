"""Copies by labels, features, capacity, and the size of networks and data."""

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """Labels and features of digits; below, where they were run, mixtures and networks."""
    found = results.curves
    groups = {"copied_capacity": draw_mixtures, "copied_n": draw_networks}
    wanted = [draw for name, draw in groups.items() if name in found]
    drawn, axes = style.panels(9.0, 5.2, 3, 2) if wanted else style.panels(6.0, 2.7, 2)
    for ax in axes:
        ax.set(ylabel="copies among samples (1)", ylim=(-0.04, 1.04), xscale="log")
    axes[0].plot(found.labels, found.copied_labels, markersize=4)
    axes[0].set(xlabel="kinds of random labels")
    style.mark_values(axes[0].xaxis, found.labels.values)
    axes[1].plot(found.features, found.copied_features, markersize=4)
    axes[1].set(xlabel="random features $p$", xscale="linear")
    for draw, pair in zip(wanted, (axes[2:4], axes[4:6])):
        draw(found, *pair)
    for ax in axes[2 + 2 * len(wanted) :]:
        ax.set_axis_off()
    return style.with_legends(drawn)


def draw_mixtures(found: xr.Dataset, share: Axes, capacity: Axes) -> None:
    """Copies against M/N, and the effective model memorization against M."""
    for m in found.capacity.values:
        share.plot(found.share, found.copied_capacity.sel(capacity=m), markersize=4, label=f"$M={m}$")
    share.set(xlabel="means over points $M/N$", xscale="linear")
    capacity.plot(found.capacity, found.memorized, markersize=4, label="$N$ with 90 % copies")
    capacity.plot(found.capacity, found.capacity, label="$N=M$", **style.THEORY)
    low, high = found.capacity.values[[0, -1]]
    capacity.set(xlabel="means $M$", ylabel="training points", yscale="log", ylim=(0.75 * low, 1.5 * high))
    for axis in (capacity.xaxis, capacity.yaxis):
        style.mark_values(axis, found.capacity.values)


def draw_networks(found: xr.Dataset, copied: Axes, gap: Axes) -> None:
    """Copies against the number of points, the width and the dimension; the step at which the loss gap opens."""
    n = found.n.values[found.sizes["n"] // 2]
    for name, label in (("n", "points $n$"), ("width", f"width, $n={n}$"), ("d", f"dimension, $n={n}$")):
        copied.plot(found[name], found[f"copied_{name}"], markersize=4, label=label)
    copied.set(xlabel="points, width or dimension", ylim=(-0.03, 0.8))
    style.mark_values(copied.xaxis, sorted({*found.n.values, *found.width.values, *found.d.values}))
    gap.plot(found.d, found.gap_step, markersize=4)
    gap.set(xlabel="dimension $d$", ylabel="step of loss gap .3", yscale="log", ylim=(100, 5000))
    style.mark_values(gap.xaxis, found.d.values)
    style.mark_values(gap.yaxis, (200, 500, 1000, 2000))
