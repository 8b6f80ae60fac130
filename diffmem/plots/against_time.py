"""What an observer saw along the paths, against diffusion time."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Float, Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import style
from .overlays import Mark, draw_marks

PERCENTILES = (10, 50, 90)  # over samples: lower end of the band, line, upper end
STANDARD_ERRORS = 2  # from the mean to an end of its band


class Statistic(NamedTuple):
    """A line and the band about it, both taken over the samples of each time."""

    line: str
    """What the line is, in words."""
    band: str
    """What the band is, in words."""
    of: Callable[[Real[np.ndarray, "nodes count"]], Float[np.ndarray, "3 nodes"]]
    """Lower end, line and upper end."""


def _percentiles(values):
    return np.percentile(values, PERCENTILES, axis=1)


def _mean_and_error(values):
    if values.shape[1] < 2:
        raise ValueError(f"`values` must hold at least 2 samples for a standard error, but hold {values.shape[1]}.")
    mean, reach = values.mean(1), STANDARD_ERRORS * values.std(1, ddof=1) / values.shape[1] ** 0.5
    return np.stack([mean - reach, mean, mean + reach])


STATISTICS = {
    "median": Statistic("median", "10-90 % of samples", _percentiles),
    "mean": Statistic("mean", f"mean ± {STANDARD_ERRORS} standard errors", _mean_and_error),
}


def against_time(
    times: Real[ArrayLike, "nodes"],
    values: Real[ArrayLike, "..."] | Mapping[str, Real[ArrayLike, "..."]],
    mark: Mark = None,
    *,
    statistic: str = "median",
    label: str = "observed value $A$ (units of the observer)",
    time_label: str = style.TIME_LABEL,
    log_time: bool = False,
    log_values: bool = False,
    ax: Axes | None = None,
) -> Figure:
    """Observed values against time: a line over samples in its band, which the legend names.

    `statistic` "median" draws the median in the band from the 10th to the 90th percentile of the samples; "mean" draws
    the mean in a band of 2 standard errors to each side, `2 std / sqrt(count)`. `values` has a row for each of `times`,
    as in `Samples.observed`; without a sample axis it is drawn as one line. A mapping draws a curve for each name.
    `mark` is a predicted time, or several by name: vertical labelled lines. `label` names the vertical axis: quantity,
    symbol and unit, and `time_label` the horizontal one: for `EDM`, whose time is the noise scale,
    `plots.style.SIGMA_LABEL`. A log axis is linear below the smallest positive number, where zeros are. `ax` draws into
    a panel that exists.

    Example: the medians of three samples at each of two times.
        >>> import numpy as np
        >>> from diffmem import plots
        >>> times, values = np.array([2.0, 1.0]), np.array([[1.0, 5.0, 3.0], [0.0, 2.0, 2.0]])
        >>> figure = plots.against_time(times, values, mark=1.5)
        >>> print(figure.axes[0].get_lines()[0].get_ydata())
        [3. 2.]

    Raises ValueError where the numbers of rows and of times differ, for negative times or values on a log axis, for
    another `statistic`, and for the mean of fewer than 2 samples.
    """
    if statistic not in STATISTICS:
        raise ValueError(f"`statistic` must be 'median' or 'mean', but is {statistic!r}.")
    over_samples = STATISTICS[statistic]
    curves = values if isinstance(values, Mapping) else {"": values}
    times = np.asarray(times)
    bands = {name: _band(times, curve, name, over_samples) for name, curve in curves.items()}
    time_scale = _logarithmic("times", times) if log_time else {"value": "linear"}
    every = np.concatenate([band.ravel() for band in bands.values()])
    value_scale = _logarithmic("values", every) if log_values else {"value": "linear"}
    ax = style.panel(ax)
    for name, band in bands.items():
        _draw(ax, times, band, name, over_samples)
    draw_marks(ax.axvline, mark, "theory, $t = {:.3g}$")
    ax.set(xlabel=time_label, ylabel=label)
    ax.set_xscale(**time_scale)
    ax.set_yscale(**value_scale)
    named_bands = any(name and len(band) > 1 for name, band in bands.items())
    style.legend(ax, title=f"bands: {over_samples.band}" if named_bands else None)
    return ax.figure


def _band(times, values, name, over_samples):
    """Lower end, line and upper end, (3, nodes), or (1, nodes) without a sample axis."""
    values = np.asarray(values)
    if times.ndim != 1 or values.ndim not in (1, 2) or len(values) != len(times):
        raise ValueError(
            f"`values`{name and ' ' + name} must have shape ({times.size},) or ({times.size}, count) to match `times`, "
            f"but has shape {values.shape}."
        )
    return values[None] if values.ndim == 1 else over_samples.of(values)


def _logarithmic(name, values):
    """The scale of a log axis, linear below the smallest positive number where there are zeros."""
    values = values[np.isfinite(values)]
    if (values < 0).any() or not (values > 0).any():
        raise ValueError(f"`{name}` must not be negative on a log axis, nor all 0, but go down to {values.min()}.")
    least = values[values > 0].min()
    return {"value": "log"} if (values > 0).all() else {"value": "symlog", "linthresh": least}


def _draw(ax, times, band, name, over_samples):
    label = name or (over_samples.line if len(band) > 1 else "")
    (line,) = ax.plot(times, band[len(band) // 2], marker="", linewidth=1.6, label=label or None)
    if len(band) > 1:
        shade = {"color": line.get_color(), "alpha": 0.25, "linewidth": 0}
        ax.fill_between(times, band[0], band[2], label=None if name else over_samples.band, **shade)
