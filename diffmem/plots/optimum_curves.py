"""A score beside the optimum of its training loss: excess losses and distances against noise."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from . import style

if TYPE_CHECKING:
    import xarray

NEEDED = ("excess_exact", "excess_gaussian", "distance_exact", "distance_gaussian", "collapse", "speciation", "step")
ERRORS = 2  # standard errors from a mean to an end of its band
SETS = {"train": "training points", "held_out": "held-out points"}
OTHERS = {"exact": "exact score", "gaussian": "fitted Gaussian"}


def against_optimum(dataset: "xarray.Dataset") -> Figure:
    """The result of `studies.against_optimum` (`.to_dataset()`): excess losses on the left, distances on the right.

    Both are per coordinate, against sigma/alpha, in bands of 2 standard errors; the losses are linear near 0 and
    logarithmic beyond. Distances are on training points, with that of the exact denoiser from the Gaussian's beside
    them. Vertical lines: collapse, speciation, and where the score stops following the exact one. Ticks at the bottom:
    the steps of the caller's schedule. Raises ValueError for a missing variable.
    """
    missing = [name for name in NEEDED if name not in dataset]
    if missing:
        raise ValueError(f"`dataset` must hold {', '.join(NEEDED)}, but lacks {', '.join(missing)}.")
    figure, (left, right) = style.panels(9.6, 4.8, 2)
    for kind, other in OTHERS.items():
        for name in dataset.set.values:
            _band(left, dataset.sel(set=name), f"excess_{kind}", f"over the {other}, {SETS[name]}")
        _band(right, dataset.sel(set="train"), f"distance_{kind}", f"from the {other}")
    right.plot(
        dataset.ratio, dataset.distance_apart.sel(set="train"), label="exact score from Gaussian", **style.THEORY
    )
    left.axhline(0, color="#808080", linewidth=0.8, linestyle="-")
    largest = float(np.abs(dataset.excess_exact).max())
    left.set_yscale("symlog", linthresh=max(largest * 1e-2, np.finfo(float).tiny))
    right.set_yscale("log", nonpositive="mask")
    style.legend(right)
    for ax in (left, right):
        _marks(ax, dataset)
        ax.set(xscale="log", xlabel=r"noise-to-signal ratio $\sigma/\alpha$ (data units)")
    left.set(ylabel="excess denoising loss (squared data units per coordinate)")
    right.set(ylabel="distance of the denoiser (data units per coordinate, rms)")
    style.legend_below(figure, left)
    return figure


def _band(ax, curve, name, label):
    value, reach = curve[name].values, ERRORS * curve[f"{name}_error"].values
    (line,) = ax.plot(curve.ratio, value, label=label, markersize=3)
    ax.fill_between(curve.ratio, value - reach, value + reach, color=line.get_color(), alpha=0.25, linewidth=0)


def _marks(ax, dataset):
    known = dataset.attrs.get("collapse_is")
    collapse = f"$t_C$, collapse ({known})" if known else "$t_C$, collapse"
    names = {"collapse": collapse, "speciation": "$t_S$, speciation", "stops": "stops following"}
    for (name, label), dashes in zip(names.items(), style.MARK_LINES):
        value = float(dataset[name])
        if np.isfinite(value) and value > 0:
            ax.axvline(value, color=style.MARK_COLOUR, linestyle=dashes, linewidth=1.1, label=label)
    steps = dataset.step.values
    inside = steps[(steps >= float(dataset.ratio[0])) & (steps <= float(dataset.ratio[-1]))]
    if inside.size:
        ticks = {"color": style.MARK_COLOUR, "marker": "|", "linestyle": "", "markersize": 7}
        ax.plot(inside, np.full(inside.shape, 0.02), transform=ax.get_xaxis_transform(), label="own steps", **ticks)
