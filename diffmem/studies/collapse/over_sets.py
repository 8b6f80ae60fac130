"""The mean of a cell over several training sets, with intervals that include the draw of the set."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from jaxtyping import Float
from scipy.stats import t as student

from ...processes import AbstractProcess
from .grid import times_at

CURVES = ("participation", "entropy", "own_weight", "leader_weight", "memorized")


def over_sets(cells: Sequence[xr.Dataset], process: AbstractProcess) -> xr.Dataset:
    """One cell of those of several training sets, drawn by as many seeds; one cell alone stays as it is.

    Curves and fractions are means. The ratio at collapse is the geometric mean over sets, its 95 % interval that of
    Student's t for the mean log ratio; `measured_deviation` is the standard deviation of the log ratio between sets.
    The interval of a fraction is the wider one of Wilson's of all samples and Student's between sets. The error of the
    Monte-Carlo prediction, for which all sets use the same data, stays that of one estimate. Examples are the first
    set's.
    """
    first = cells[0]
    if len(cells) == 1:
        return first.assign(measured_deviation=np.nan)
    found = first.copy()
    for name in CURVES:
        found[name] = sum(cell[name] for cell in cells) / len(cells)
    log_ratios = np.log([cell.measured_ratio.item() for cell in cells])
    middle, low, high = (np.exp(value) for value in _interval(log_ratios))
    for name, ratio in (("", middle), ("_low", low), ("_high", high)):
        found[f"measured_ratio{name}"] = ratio
        found[f"measured{name}"] = float(times_at(process, np.array(ratio)))
    known = log_ratios[np.isfinite(log_ratios)]
    found["measured_deviation"] = float(known.std(ddof=1)) if len(known) > 1 else np.nan
    fractions = np.array([cell.generated.item() for cell in cells])
    mean, below, above = _interval(fractions)
    # Wilson's interval of one set, shrunk to as many samples as there are
    shrink = len(cells) ** -0.5
    found["generated"] = mean
    found["generated_low"] = max(0.0, min(below, mean - shrink * _width(cells, "generated", "generated_low")))
    found["generated_high"] = min(1.0, max(above, mean + shrink * _width(cells, "generated_high", "generated")))
    predicted = np.log([cell.predicted_mc_ratio.item() for cell in cells])
    predicted = predicted[~np.isnan(predicted)]
    found["predicted_mc_ratio"] = float(np.exp(predicted.mean())) if len(predicted) else np.nan
    found["predicted_mc"] = float(times_at(process, np.array(found.predicted_mc_ratio.item())))
    return found


def _interval(values: Float[np.ndarray, "sets"]) -> tuple[float, float, float]:
    """Mean of the values that are known, and the ends of its 95 % interval by Student's t; NaN where unknown."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return (float(known[0]) if len(known) else np.nan), np.nan, np.nan
    reach = student.ppf(0.975, len(known) - 1) * known.std(ddof=1) / len(known) ** 0.5
    return float(known.mean()), float(known.mean() - reach), float(known.mean() + reach)


def _width(cells, upper: str, lower: str) -> float:
    return float(np.mean([cell[upper].item() - cell[lower].item() for cell in cells]))
