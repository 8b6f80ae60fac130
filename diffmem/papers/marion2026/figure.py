"""Copies, distances and losses of the exact denoisers, and when and how much networks memorize."""

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...plots import style
from ..base import Results
from .experiment import HIDDEN_N, MEMORIZING, USEFUL, memorization_steps


def figure(results: Results) -> Figure:
    """The family: copies, distances, losses; the networks: loss gaps over training, and when and how much they copy."""
    rows = 2 if "n" in results.curves else 1
    drawn, axes = style.panels(9.0, 0.4 + 2.6 * rows, 3, rows)
    draw_family(results.curves, *axes[:3])
    if rows == 2:
        draw_networks(results.curves, *axes[3:])
    return style.with_legends(drawn)


def draw_family(found: xr.Dataset, left: Axes, middle: Axes, right: Axes) -> None:
    """Copies and distances against the width, and the loss of each member against its copies."""
    left.plot(found.width, found.copied, markersize=4)
    left.set(ylabel="copies among samples (1)")
    middle.plot(found.width, found.to_test, markersize=4, label="to held-out")
    middle.plot(found.width, found.to_train, markersize=4, label="to training")
    middle.plot(found.width, found.gap, markersize=4, label="gap")
    middle.set(ylabel="sliced Wasserstein distance", ylim=(0, None))
    for ax in (left, middle):
        ax.axvspan(0, USEFUL, color="#e6e6e6", zorder=0)
        ax.set_xscale("symlog", linthresh=0.01, linscale=0.5)
        ax.set(xlabel="width $v$ (variances of a cluster)", xlim=(0, 1.1))
    right.plot(found.edm_loss, found.copied, markersize=4, label="EDM weight")
    right.plot(found.flat_loss, found.copied, markersize=4, label="flat weight on $x_0$")
    right.set(xlabel="training loss over its minimum (1)", ylabel="copies among samples (1)", xlim=(0.8, None))


def draw_networks(found: xr.Dataset, left: Axes, middle: Axes, right: Axes) -> None:
    """Loss gaps over training for each n, the steps at which they are reached, and copies against the width."""
    for n, gap in zip(found.n.values, found.gap_by_n.values):
        left.plot(found.step_by_n, gap, markersize=3, label=f"n = {n}")
    left.axhline(MEMORIZING["by_n"], **style.THEORY)
    left.set(xscale="log", xlabel="steps of training", ylabel="loss gap (1)", ylim=(-0.05, 1.5))
    steps = {by: memorization_steps(found, by) for by in MEMORIZING}
    middle.plot(found.n, steps["by_n"], markersize=4, label="against n, 128 units")
    middle.plot(found.hidden, steps["by_hidden"], markersize=4, label=f"against units, n = {HIDDEN_N}")
    middle.set(xscale="log", yscale="log", xlabel="points n, or hidden units", ylabel="step of memorization")
    right.plot(found.hidden, found.copied_by_hidden[:, -1], markersize=4, label=f"n = {HIDDEN_N}")
    right.set(xscale="log", xlabel="hidden units", ylabel="copies at the last step (1)", ylim=(-0.02, None))
    for ax in (middle, right):
        style.mark_values(ax.xaxis, found.hidden.values)
