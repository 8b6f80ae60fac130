"""Speciation and collapse on two Gaussians above, real digits below."""

import numpy as np
from matplotlib.figure import Figure

from ...plots import style
from ..base import Results
from .experiment import AGREE


def figure(results: Results) -> Figure:
    """Clones and own weights of two clusters, their excess entropy, and clones of real digits."""
    curves = results.curves
    drawn, axes = style.panels(9.0, 6.4, 2, 2)
    clones, own, excess, real = axes
    for ax in axes:
        ax.axvline(1, **style.THEORY)
    for d in curves.clone_d.values:
        clones.plot(curves.branch, curves.clones.sel(clone_d=d), marker="", label=f"quadrature, $d = {d}$")
    clones.plot(np.ones(curves.sizes["clone_d"]), curves.simulated, "k*", markersize=8, label="pairs of SDE runs")
    clones.set(xlabel=r"branching time $t/t_S$ (1)", ylabel=r"both clones in one cluster $\phi$ (1)")
    for d in curves.d.values:
        one = curves.sel(d=d)
        own.plot(one.scaled, one.own_weight, markersize=3, label=f"$d = {d}$")
        (line,) = excess.plot(one.scaled, one.excess, linestyle="", markersize=3.5, label=f"$d = {d}$")
        excess.plot(one.scaled, one.excess_theory, color=line.get_color(), marker="", linestyle="-")
    own.set(xlabel=r"time $t/t_C$ (1)", ylabel=r"mean weight of the own point $\bar w_{\rm own}$ (1)")
    excess.set(xlabel=r"time $t/t_C$ (1)", ylabel=r"excess entropy $f\,d/\log n$ (1), lines: theory")
    for name in curves.cut.values:
        real.plot(curves.scaled_s, curves.agreement.sel(cut=name), marker="", label=_in_words(str(name)))
    real.set(xlabel=r"time $t/t_S$, $t_S = \frac{1}{2}\log\Lambda$ (1)", ylabel=r"agreement of clones $\phi$ (1)")
    for ax in (clones, real):
        ax.axhline(AGREE, color="grey", linewidth=0.8)
    return style.with_legends(drawn)


def _in_words(cut: str) -> str:
    if cut.startswith("pair"):
        return f"MNIST {cut[5:].replace('_', '-')}"
    return f"{cut.replace('mnist', 'MNIST')}, 1st component"
