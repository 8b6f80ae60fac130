"""How well detectors tell groups of prompts apart."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import style

APART = 0.08  # between the marks of two detectors


def detection_areas(found: xr.Dataset, *, ax: Axes | None = None) -> Figure:
    """The area under the ROC curve of each detector for each pair of groups, with its 95 % interval.

    `found` is what `studies.separations` returned: `auc`, `auc_low` and `auc_high` over (detector, pair). `ax` draws
    into a panel that exists.
    """
    ax = style.panel(ax)
    places, count = np.arange(found.sizes["pair"]), found.sizes["detector"]
    for i, name in enumerate(found.detector.values):
        one = found.sel(detector=name)
        ends = np.abs(np.stack([one.auc_low, one.auc_high]) - one.auc.values)
        where = places + APART * (i - (count - 1) / 2)
        ax.errorbar(where, one.auc.values, ends, linestyle="", markersize=4, linewidth=1, label=str(name))
    ax.set_xticks(
        places,
        [str(pair).replace(" / ", "\n/ ").replace(" of ", "\nof ") for pair in found.pair.values],
        fontsize=style.SMALL,
    )
    ax.set(xlabel="positives / negatives", ylabel="AUC")
    return ax.figure  # pyright: ignore[reportReturnType]
