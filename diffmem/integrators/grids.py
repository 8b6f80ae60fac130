"""Grids of times: N steps give N + 1 strictly decreasing times, from exactly t_max to exactly t_min.

`karras` and `log_snr` place nodes in the ratio sigma/alpha, in which every process is the same curve. Where
alpha(t_max) = 0 the ratio has no largest value: t_max itself is the first node and the others run down from
`ratio_max`.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..processes import AbstractProcess

RATIO_MAX = 1e3
"""Second node of a grid that starts at alpha = 0. The step before it is first order with a relative error of about
(data variance) / ratio^2 (derived: D - mean is of size variance/ratio there): 1e-6 for unit variance."""


def karras(
    process: AbstractProcess, steps: int, rho: float = 7.0, *, ratio_max: float = RATIO_MAX
) -> Float[Array, "nodes"]:
    """Nodes at which `(sigma/alpha)^(1/rho)` is uniform; the larger rho, the more of them near the data.

    Raises ValueError where `rho` or `steps` is not positive, or the steps are too fine for the times' precision.
    Source: Karras et al., arXiv:2206.00364, eq. 5.
    """
    if not rho > 0:
        raise ValueError(f"`rho` must be positive, but is {rho}.")
    return _by_ratio(process, steps, ratio_max, lambda ratio: ratio ** (1 / rho), lambda root: root**rho)


def log_snr(process: AbstractProcess, steps: int, *, ratio_max: float = RATIO_MAX) -> Float[Array, "nodes"]:
    """Nodes at which `log(sigma/alpha)` is uniform, the limit of `karras` for large rho.

    Raises ValueError where sigma(t_min) = 0, `steps` is not positive, or the steps are too fine for the precision.
    """
    if float(process.level(process.t_min).sigma) == 0:
        raise ValueError(
            f"`t_min` (or `sigma_min`) must give sigma > 0 on a logarithmic grid, but sigma({process.t_min}) is 0."
        )
    return _by_ratio(process, steps, ratio_max, np.log, np.exp)


def uniform(process: AbstractProcess, steps: int) -> Float[Array, "nodes"]:
    """Nodes uniform in the process' time. Raises ValueError as `karras` does."""
    _check_steps(steps)
    return _finished(np.linspace(process.t_max, process.t_min, steps + 1), process)


def _by_ratio(process, steps, ratio_max, scale: Callable, unscale: Callable):
    _check_steps(steps)
    low, (alpha, sigma) = _ratio(process.level(process.t_min)), process.level(process.t_max)
    unbounded = float(alpha) == 0
    high = ratio_max if unbounded else float(sigma) / float(alpha)
    if not low < high < np.inf:
        raise ValueError(f"`ratio_max` must be finite and above sigma/alpha = {low:.3g} at t_min, but is {high}.")
    marks = np.linspace(scale(high), scale(low), steps + (not unbounded))
    times = np.asarray(process.time_at(unscale(marks)))
    return _finished(np.concatenate([[process.t_max], times]) if unbounded else times, process)


def _ratio(level):
    return float(level.sigma) / float(level.alpha)


def _check_steps(steps):
    if not steps >= 1:
        raise ValueError(f"`steps` must be at least 1, but is {steps}.")


def _finished(times, process):
    times = jnp.asarray(np.concatenate([[process.t_max], times[1:-1], [process.t_min]]))
    if not np.all(np.diff(np.asarray(times)) < 0):
        raise ValueError(
            f"`steps` must leave neighbouring times distinct in {times.dtype}, but {len(times) - 1} steps do not."
        )
    return times
