"""Copies against the noise of the data, the averaging attack group by group, and copies of networks by loss."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...plots import style
from ..base import Results
from .experiment import LEAST, D


def figure(results: Results) -> Figure:
    """Exact scores at the left, averages of samples beside, and networks where they were trained."""
    curves = results.curves
    drawn, axes = style.panels(11.0, 3.3, 3) if "learned_copied" in curves else style.panels(8.2, 3.3, 2)
    draw_copies(curves, axes[0])
    draw_attack(curves.isel(noise=curves.sizes["noise"] // 2), axes[1])
    for ax in axes[2:]:
        draw_networks(curves, ax)
    return style.with_legends(drawn)


def draw_copies(curves: xr.Dataset, ax: Axes) -> None:
    """Copies against the noise of the data."""
    for name in curves.branch.values:
        ax.plot(curves.noise, curves.copied.sel(branch=name).mean("draw"), label=f"{name} above", markersize=5)
    ax.plot(curves.noise, curves.copied_empirical.mean("draw"), label="ambient above,\nempirical below")
    ax.set(xscale="log", xlabel=r"noise of the data $\sigma_n$ (data units)", ylabel="share of copies")
    ax.set(ylim=(-0.04, 1.04))
    style.mark_values(ax.xaxis, curves.noise.values)


def draw_attack(at: xr.Dataset, ax: Axes) -> None:
    """Errors of the averages at one noise against the number of samples averaged, one marker for each group."""
    for name in at.branch.values:
        size, error = (at[part].sel(branch=name).values.ravel() for part in ("size", "error"))
        scaled = error / (float(at.noise) * np.sqrt(D))
        ax.plot(size, scaled, linestyle="", markersize=4, fillstyle="none", label=name)
    k = np.linspace(LEAST, float(at["size"].max()), 100)
    ax.plot(k, k**-0.5, label=r"$1/\sqrt{k}$", **style.THEORY)
    ax.set_xticks(range(10, int(k[-1]) + 1, 5))
    ax.set(xlabel="samples averaged $k$", ylabel=r"error / $\sigma_n\sqrt{d}$", ylim=(0, None))


def draw_networks(curves: xr.Dataset, ax: Axes) -> None:
    """Copies against the held-out loss over the training of the networks."""
    for noise in curves.learned_noise.values:
        one = curves.sel(learned_noise=noise)
        label = "plain" if noise == 0 else rf"ambient, $\sigma_n={noise:g}$"
        ax.plot(one.learned_loss, one.learned_copied, label=label, markersize=3)
    ax.set(xlabel="held-out loss of a network (1)", ylabel="share of copies", ylim=(-0.04, 1.04))
