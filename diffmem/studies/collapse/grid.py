"""The times of a collapse study: one grid for all cells, around the ratios at which collapse is predicted."""

import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float, Real

from ...annotations import Numbers
from ...processes import AbstractProcess

PER_DECADE = 16  # nodes: 15 % apart in sigma/alpha, at which interpolation of the own weight is good to .3 %
MARGIN = 3.0  # factor in sigma/alpha beyond the lowest and the highest predicted collapse


def collapse_grid(process: AbstractProcess, predicted: Float[ArrayLike, "..."]) -> Float[np.ndarray, "nodes"]:
    """Ascending times around the predicted collapse, with ratios sigma/alpha on the lattice 10^(k/16).

    From a third of the smallest predicted collapse ratio to three times the largest, within the range of the process.
    The lattice is fixed, so that studies of different n and d share nodes where their ranges overlap.
    Raises ValueError where fewer than two nodes are left.
    """
    predicted = np.asarray(predicted, float)
    low, high = predicted.min() / MARGIN, predicted.max() * MARGIN
    ends = reach(process)
    first = math.floor(PER_DECADE * math.log10(low))
    ratio = 10 ** (np.arange(first, math.ceil(PER_DECADE * math.log10(high)) + 1) / PER_DECADE)
    ratio = ratio[(ratio >= ends[0]) & (ratio <= ends[1])]
    if len(ratio) < 2:
        raise ValueError(
            f"`process` must reach the collapse, at sigma/alpha from {low:.3g} to {high:.3g} for these data, but runs "
            f"from {ends[0]:.3g} to {ends[1]:.3g}."
        )
    return np.asarray(process.time_at(jnp.asarray(ratio)), float)


def reach(process: AbstractProcess) -> tuple[float, float]:
    """sigma/alpha at t_min and at t_max, infinite where alpha = 0."""
    low, high = ratios_at(process, np.array([process.t_min, process.t_max]))
    return float(low), float(high)


def ratios_at(process: AbstractProcess, times: Float[np.ndarray, "nodes"]) -> Float[np.ndarray, "nodes"]:
    """sigma/alpha at each time, infinite where alpha = 0."""
    alpha, sigma = (np.asarray(part, float) for part in process.level(jnp.asarray(times)))
    return np.divide(sigma, alpha, out=np.full_like(sigma, np.inf), where=alpha > 0)


def times_at(process: AbstractProcess, ratio: Numbers) -> Float[np.ndarray, "..."]:
    """`process.time_at(ratio)`, NaN where the ratio is not finite."""
    ratio = np.asarray(ratio, float)
    known = np.isfinite(ratio)
    times = np.asarray(process.time_at(jnp.asarray(np.where(known, ratio, 1.0))), float)
    return np.where(known, times, np.nan)


def checked_grid(
    process: AbstractProcess, times: Sequence[float] | Real[ArrayLike, "nodes"]
) -> Float[np.ndarray, "nodes"]:
    """The caller's times as an array; raises ValueError unless they ascend, where 0 < sigma/alpha < inf."""
    grid = np.asarray(times, float)
    if grid.ndim != 1 or grid.size < 2 or not (np.diff(grid) > 0).all():
        raise ValueError(f"`times` must be at least two, strictly increasing, but are {times}.")
    ratio = ratios_at(process, grid)
    if grid[0] < process.t_min or grid[-1] > process.t_max or not ((ratio > 0) & np.isfinite(ratio)).all():
        raise ValueError(
            f"`times` must lie between {process.t_min} and {process.t_max}, where 0 < sigma/alpha < inf, "
            f"but run from {grid[0]} to {grid[-1]}."
        )
    return grid
