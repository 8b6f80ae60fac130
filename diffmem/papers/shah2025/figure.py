"""Copies against the noise of the data, the averaging attack group by group, and copies of networks by loss."""

import numpy as np
from matplotlib.figure import Figure

from ...plots import style
from ..base import Results
from .experiment import LEAST, D


def figure(results: Results) -> Figure:
    """Exact scores at the left, averages of samples beside (one marker for each group, at the noise in the middle), and
    networks where they were trained."""
    curves = results.curves
    drawn, axes = style.panels(11.0, 3.3, 3) if "learned_copied" in curves else style.panels(8.2, 3.3, 2)
    at = curves.isel(noise=curves.sizes["noise"] // 2)
    for name in curves.branch.values:
        axes[0].plot(curves.noise, curves.copied.sel(branch=name).mean("draw"), label=f"{name} above", markersize=5)
        size, error = (at[part].sel(branch=name).values.ravel() for part in ("size", "error"))
        scaled = error / (float(at.noise) * np.sqrt(D))
        axes[1].plot(size, scaled, linestyle="", markersize=4, fillstyle="none", label=name)
    axes[0].plot(curves.noise, curves.copied_empirical.mean("draw"), label="ambient above,\nempirical below")
    axes[0].set(xscale="log", xlabel=r"noise of the data $\sigma_n$ (data units)", ylabel="share of copies")
    axes[0].set(ylim=(-0.04, 1.04))
    style.mark_values(axes[0].xaxis, curves.noise.values)
    k = np.linspace(LEAST, float(at["size"].max()), 100)
    axes[1].plot(k, k**-0.5, label=r"$1/\sqrt{k}$", **style.THEORY)
    axes[1].set_xticks(range(10, int(k[-1]) + 1, 5))
    axes[1].set(xlabel="samples averaged $k$", ylabel=r"error / $\sigma_n\sqrt{d}$", ylim=(0, None))
    for noise in curves.get("learned_noise", []):
        one = curves.sel(learned_noise=noise)
        label = "plain" if noise == 0 else rf"ambient, $\sigma_n={float(noise):g}$"
        axes[2].plot(one.learned_loss, one.learned_copied, label=label, markersize=3)
        axes[2].set(xlabel="held-out loss of a network (1)", ylabel="share of copies", ylim=(-0.04, 1.04))
    return style.with_legends(drawn)
