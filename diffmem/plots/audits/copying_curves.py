"""How many points count as copies against the threshold, for samples and for points that are none; their distances."""

from collections.abc import Mapping

import numpy as np
import xarray
from jaxtyping import ArrayLike, Real
from matplotlib.figure import Figure

from .. import style

LABELS = {
    "ratio": "threshold on $d_1/d_2$ (1)",
    "distance": "threshold on $d_1${units}",
    "cosine": "threshold on $|u - v|$ of directions (1)",
}
SHORT = 12  # letters of units that stand on the line of their quantity


def copying_curves(result: xarray.Dataset, thresholds: Mapping[str, float]) -> Figure:
    """The share of samples, and of controls, that count as copies against the threshold: a panel for each rule.

    `result` is the dataset of an audit, `thresholds` the one of each rule, which is marked. Where the curve of the
    samples runs above that of the controls, whatever the threshold, samples are nearer to training points than fresh
    data are.

    Raises ValueError for a rule that the dataset lacks.
    """
    for name in thresholds:
        if f"{name}_curve" not in result:
            raise ValueError(f"`result` must hold a curve for each threshold, but lacks {name}_curve.")
    figure, axes = style.panels(0.6 + 3.4 * len(thresholds), 3.2, len(thresholds))
    for ax, (name, threshold) in zip(axes, thresholds.items()):
        at = result[f"{name}_threshold"].values
        ax.plot(at, result[f"{name}_curve"].values, marker="", label="samples")
        control = result[f"{name}_control_curve"].values
        if not np.isnan(control).all():
            ax.plot(at, control, marker="", label="controls")
        ax.axvline(threshold, **style.THEORY, label="threshold of the rule")
        units = result[f"{name}_threshold"].attrs.get("units", "data units")
        ax.set(
            xlabel=LABELS[name].format(units=_in_brackets(units)), ylabel="share below it $F$ (1)", ylim=(-0.02, 1.02)
        )
    style.legend_below(figure, axes[0])
    return figure


def neighbour_distances(distances: Mapping[str, Real[ArrayLike, "..."]], units: str = "data units") -> Figure:
    """The distribution of distances to the nearest training point, for each set: the share of it that is nearer.

    `units` are those of the distances. Raises ValueError without a set, and for an empty one.
    """
    values = {name: np.sort(np.asarray(some, float)) for name, some in distances.items()}
    if not values or not all(len(some) for some in values.values()):
        raise ValueError("`distances` must hold at least one set, none of them empty.")
    (figure, axes) = style.panels(5.0, 3.2, 1)
    for name, some in values.items():
        share = np.arange(1, len(some) + 1) / len(some)
        axes[0].plot(np.r_[some[0], some], np.r_[0, share], marker="", label=name, drawstyle="steps-post")
    label = f"distance to the nearest training point $d_1${_in_brackets(units)}"
    axes[0].set(xlabel=label, ylabel="share that is nearer $F$ (1)")
    style.legend_below(figure, axes[0])
    return figure


def _in_brackets(units: str) -> str:
    """After a quantity: on a line of their own where they are long."""
    between = "\n" if len(units) > SHORT else " "
    return f"{between}({units})"
