"""The three curves of one manifold with their times, and the times against the latent dimension."""

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...plots import style
from ..base import Results
from ..diffusion_time import ratio_at, time_at


def figure(results: Results) -> Figure:
    """Own weights and fit to the law on the manifold in the middle of the list; all times at the right."""
    curves = results.curves.mean("set")
    drawn, (weights, fit, every) = style.panels(11.0, 3.4, 3)
    latent = curves.latent.values[curves.sizes["latent"] // 2]
    middle = curves.sel(latent=latent)
    t = time_at(middle.scaled.values * ratio_at(float(middle.t_o_theory)))
    weights.plot(t, middle.trap_weight, marker="", label=r"at $y_i$")
    weights.plot(t, middle.own_weight, marker="", label=r"at $y_i + \sigma z$")
    weights.set_ylabel(f"mean weight of the own point (1), $D = {latent}$")
    fit.plot(t, middle.divergence - middle.divergence.min(), marker="", color=style.COLOURS[2])
    fit.set_ylabel(f"divergence above its minimum (nats), $D = {latent}$")
    for ax in (weights, fit):
        for name, line in zip(("t_g", "t_c", "t_o"), style.MARK_LINES):
            ax.axvline(float(middle[name]), label=f"${name}$", **style.THEORY | {"linestyle": line})
        ax.set(xscale="log", xlabel=style.TIME_LABEL)
    draw_times(curves, every)
    return style.with_legends(drawn)


def draw_times(curves: xr.Dataset, ax: Axes) -> None:
    """The measured times against the latent dimension, and the formula for the onset of traps."""
    for name, label in {"t_o": "traps, $t_o$", "t_c": "collapse, $t_c$", "t_g": "best fit, $t_g$"}.items():
        ax.plot(curves.latent, curves[name], linestyle="", label=label)
    ax.plot(curves.latent, curves.t_o_theory, label="$t_o$, theory", **style.THEORY)
    for ambient in curves.ambient.values:
        label = f"$t_c$ on a curved manifold in $N = {ambient}$"
        ax.plot(curves.curved_latent, curves.t_c_curved.sel(ambient=ambient), linestyle="", alpha=0.7, label=label)
    ax.set(xscale="log", yscale="log", xlabel="latent dimension $D$ (1)", ylabel=style.TIME_LABEL, ylim=(2e-4, 1))
    style.mark_values(ax.xaxis, curves.latent.values)
