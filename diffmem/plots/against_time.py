"""What an observer saw along the paths, against diffusion time."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import ArrayLike, Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import style

BAND = (10, 50, 90)  # percentiles over samples: the band and the line in it


def against_time(
    times: Real[ArrayLike, "nodes"],
    values: Real[ArrayLike, "..."] | Mapping[str, Real[ArrayLike, "..."]],
    mark: float | Real[ArrayLike, ""] | Mapping[str, float | Real[ArrayLike, ""]] | None = None,
    *,
    label: str = "observed value $A$ (units of the observer)",
    log_time: bool = False,
    log_values: bool = False,
    ax: Axes | None = None,
) -> Figure:
    """Observed values against time: the median over samples as a line in its 10-90 % band.

    `values` has a row for each of `times`, as in `Samples.observed`; without a sample axis it is drawn as one line.
    A mapping draws a curve for each name. `mark` is a predicted time, or several by name: vertical labelled lines.
    `label` names the vertical axis: quantity, symbol and unit. `ax` draws into a panel that exists.

    Raises ValueError where the numbers of rows and of times differ, and for times or values <= 0 on a log axis.
    """
    curves = values if isinstance(values, Mapping) else {"": values}
    times = np.asarray(times)
    bands = {name: _band(times, curve, name) for name, curve in curves.items()}
    if log_time:
        _check_positive(times, "times")
    if log_values:
        for band in bands.values():
            _check_positive(band, "values")
    ax = style.panel(ax)
    for name, band in bands.items():
        _draw(ax, times, band, name)
    marks = _named_marks(mark)
    for (name, time), line in zip(marks.items(), style.MARK_LINES * len(marks)):
        ax.axvline(float(time), color=style.MARK_COLOUR, linestyle=line, linewidth=1.2, label=name)
    ax.set(xlabel=style.TIME_LABEL, ylabel=label)
    ax.set(xscale="log" if log_time else "linear", yscale="log" if log_values else "linear")
    style.legend(ax)
    return ax.figure


def _band(times, values, name):
    """Percentiles over samples, (3, nodes) or (1, nodes) without a sample axis."""
    values = np.asarray(values)
    if times.ndim != 1 or values.ndim not in (1, 2) or len(values) != len(times):
        raise ValueError(
            f"`values`{name and ' ' + name} must have shape ({times.size},) or ({times.size}, count) to match `times`, "
            f"but has shape {values.shape}."
        )
    return values[None] if values.ndim == 1 else np.percentile(values, BAND, axis=1)


def _check_positive(values, name):
    if not (values > 0).all():
        raise ValueError(f"`{name}` must be positive on a log axis, but go down to {np.min(values)}.")


def _draw(ax, times, band, name):
    label = name or ("median" if len(band) > 1 else "")
    (line,) = ax.plot(times, band[len(band) // 2], marker="", linewidth=1.6, label=label or None)
    if len(band) > 1:
        shade = {"color": line.get_color(), "alpha": 0.25, "linewidth": 0}
        ax.fill_between(times, band[0], band[2], label=None if name else "10-90 % of samples", **shade)


def _named_marks(mark):
    if mark is None:
        return {}
    return mark if isinstance(mark, Mapping) else {f"theory, $t = {float(mark):.3g}$": mark}
