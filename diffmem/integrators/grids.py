"""Grids of times: N steps give N + 1 strictly decreasing times, from exactly t_max to exactly t_min.

`karras` and `log_snr` place nodes in the ratio sigma/alpha, in which every process is the same curve. Where
alpha(t_max) = 0 the ratio has no largest value: t_max itself is the first node and the others run down from
`ratio_max`.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..checks import check_count
from ..processes import AbstractProcess

RATIO_MAX = 1e3
"""Second node of a grid that starts at alpha = 0. The step before it is first order with a relative error of about
(data variance) / ratio^2 (derived: D - mean is of size variance/ratio there): 1e-6 for unit variance."""


def karras(
    process: AbstractProcess, steps: int, rho: float = 7.0, *, ratio_max: float = RATIO_MAX
) -> Float[Array, "nodes"]:
    """`ratio_i = (high^(1/rho) + i/N (low^(1/rho) - high^(1/rho)))^rho`, where ratio = sigma/alpha runs from its value
    `high` at t_max to its value `low` at t_min: the larger rho, the more nodes near the data.

    Raises ValueError where `rho` or `steps` is not positive, or the steps are too fine for the times' precision.
    Source: Karras et al., arXiv:2206.00364, eq. 5.
    """
    if not rho > 0:
        raise ValueError(f"`rho` must be positive, but is {rho}.")
    power = lambda high, low, part: (high ** (1 / rho) + part * (low ** (1 / rho) - high ** (1 / rho))) ** rho  # noqa: E731
    return _in_ratios(process, steps, ratio_max, power)


def log_snr(process: AbstractProcess, steps: int, *, ratio_max: float = RATIO_MAX) -> Float[Array, "nodes"]:
    """`ratio_i = high (low/high)^(i/N)`, nodes uniform in log(sigma/alpha): the limit of `karras` for large rho.

    Raises ValueError where sigma(t_min) = 0, `steps` is not positive, or the steps are too fine for the precision.
    """
    if float(process.level(process.t_min).sigma) == 0:
        raise ValueError(
            f"`t_min` (or `sigma_min`) must give sigma > 0 on a logarithmic grid, but sigma({process.t_min}) is 0."
        )
    return _in_ratios(process, steps, ratio_max, lambda high, low, part: high * (low / high) ** part)


def uniform(process: AbstractProcess, steps: int) -> Float[Array, "nodes"]:
    """Nodes uniform in the process' time. Raises ValueError as `karras` does."""
    check_count("steps", steps)
    return _finished(np.linspace(process.t_max, process.t_min, steps + 1), process)


def _in_ratios(process, steps, ratio_max, ratios):
    """The times of `ratios(high, low, i/N)`; behind t_max itself where alpha = 0 there."""
    check_count("steps", steps)
    (first, high), (last, low) = process.level(process.t_max), process.level(process.t_min)
    low, unbounded = float(low) / float(last), float(first) == 0
    high = ratio_max if unbounded else float(high) / float(first)
    if not low < high < np.inf:
        raise ValueError(f"`ratio_max` must be finite and above sigma/alpha = {low:.3g} at t_min, but is {high}.")
    times = np.asarray(process.time_at(ratios(high, low, np.linspace(0, 1, steps + (not unbounded)))))
    return _finished(np.concatenate([[process.t_max] * unbounded, times]), process)


def _finished(times, process):
    times = jnp.asarray(np.concatenate([[process.t_max], times[1:-1], [process.t_min]]))
    if not np.all(np.diff(np.asarray(times)) < 0):
        found = f"{times.dtype}, but {len(times) - 1} steps do not"
        raise ValueError(f"`steps` must leave neighbouring times distinct in {found}.")
    return times
