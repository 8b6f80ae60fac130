"""The spectrum of random features, and the course and the times of training of features and networks."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """The spectrum, learning over training time, and the times against n; then the same of trained networks."""
    found = results.curves
    rows = 2 if "network_n" in found else 1
    drawn, axes = style.panels(9.4, 0.2 + 2.8 * rows, 3, rows)
    for ax in axes:
        ax.set(xscale="log")
    draw_spectrum(found, axes[0])
    draw_features(found, *axes[1:3])
    if rows == 2:
        draw_networks(found, *axes[3:])
    return style.with_legends(drawn)


def draw_spectrum(found: xr.Dataset, ax: Axes) -> None:
    """Eigenvalues of one matrix above the floor beside their predicted density, in logarithmic units."""
    above = found.eigenvalues.values[np.isfinite(found.eigenvalues)]
    edges = np.geomspace(above[0] / 1.2, above[-1] * 1.2, 45)
    # a share of all eigenvalues in each unit of log(x)
    height = np.histogram(above, edges)[0] / np.diff(np.log(edges)) / (len(above) + int(found.at_floor))
    ax.stairs(height, edges, color=style.COLOURS[0], fill=True, alpha=0.4, label="one matrix")
    ax.plot(found.x, found.density * found.x, label="theory", **style.THEORY)
    ax.set(xlabel="eigenvalue above the floor (1)", ylabel="density over its logarithm (1)", xlim=(edges[0], edges[-1]))


def draw_features(found: xr.Dataset, middle: Axes, right: Axes) -> None:
    """Score errors and loss gaps over training, and the times of training against the number of points."""
    for i, psi_n in enumerate(found.psi_n.values):
        look = {"color": style.COLOURS[i], "marker": ""}
        one = found.sel(psi_n=psi_n)
        middle.plot(one.tau, one.score, linestyle="-", label=rf"$\psi_n={psi_n}$", **look)
        middle.plot(one.tau, one.test - one.train, linestyle="--", label=None if i else "loss gaps", **look)
    middle.set(yscale="log", ylim=(2e-2, 2e3), xlim=(1, 1e7), xlabel=r"training time $\tau$ (1)")
    middle.set(ylabel="score error per dimension (1)")
    names = {"gap": "loss gap .1", "bulk": r"median of $\rho_1$", "level": "score error .3"}
    for name, text in names.items():
        right.plot(found.psi_n, found[f"tau_{name}"], label=text, markersize=5)
    right.set(yscale="log", xlabel=r"points over dimensions $\psi_n$ (1)", ylabel=r"training time $\tau$ (1)")
    style.mark_values(right.xaxis, found.psi_n.values)


def draw_networks(found: xr.Dataset, left: Axes, middle: Axes, right: Axes) -> None:
    """Loss gaps and copies of networks over training, and the times against the number of points."""
    for i, n in enumerate(found.network_n.values):
        look = {"color": style.COLOURS[i], "markersize": 3, "label": f"n = {n}"}
        left.plot(found.network_step, found.network_gap.sel(network_n=n), **look)
        middle.plot(found.network_step, found.network_copied.sel(network_n=n), **look)
    left.set(ylim=(-0.1, 3), xlabel="steps of training", ylabel="loss gap of a network (1)")
    middle.set(ylim=(-0.02, 1), xlabel="steps of training", ylabel="copies among samples (1)")
    right.plot(found.network_n, found.network_time, label="loss gap .3", markersize=5)
    right.plot(found.early_n, found.early_time, label="score error falls to .6", markersize=5)
    right.set(yscale="log", xlabel="training points n", ylabel="steps of training")
    style.mark_values(right.xaxis, sorted({*found.network_n.values, *found.early_n.values}))
