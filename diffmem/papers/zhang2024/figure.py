"""Agreement against the number of points, and samples of common starts."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...plots import style
from ..base import Results


def figure(results: Results) -> Figure:
    """Shares against the number of points; the samples of the first starts at each of them."""
    found = results.curves
    drawn = style.new_figure(10.0, 3.2)
    left, *others = drawn.subplots(1, 1 + found.sizes["n"], width_ratios=[1.5] + [1] * found.sizes["n"])
    style.dress(left)
    for pair in ("networks", "network and empirical"):
        left.plot(found.n, found.share.sel(pair=pair), markersize=5, label=f"RP, {pair}")
    left.plot(found.n, found.generalization, markersize=5, label="GL")
    left.plot(found.n, found.cosine.sel(pair="networks"), markersize=5, label="mean cosine, networks")
    left.set(xscale="log", xlabel="training points $n$", ylabel="share of common starts", ylim=(-0.03, 1.55))
    left.legend(loc="upper left", fontsize=style.SMALL, frameon=False)
    for ax, n in zip(others, found.n.values):
        draw_samples(ax, found.image.sel(n=n).values)
        ax.set_title(f"$n = {n}$", fontsize=style.TEXT)
    return drawn


def draw_samples(ax: Axes, image: np.ndarray) -> None:
    """A column of square images for each model, a row for each start."""
    models, shown, pixels = image.shape
    side = math.isqrt(pixels)
    tiles = np.pad(image.reshape(models, shown, side, side), ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=np.nan)
    ax.imshow(tiles.transpose(1, 2, 0, 3).reshape(shown * (side + 1), -1), cmap="gray")
    ax.set_xticks((side + 1) * (np.arange(models) + 0.5), ["A", "B", "E", "G"])
    ax.set_yticks([])
    ax.tick_params(labelsize=style.SMALL, length=0)
    ax.set_xlabel("networks A, B, empirical, Gaussian", fontsize=style.SMALL)
    ax.spines[:].set_visible(False)
