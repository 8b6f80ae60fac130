"""Grids of times: N steps give N + 1 strictly decreasing times, from exactly t_max to exactly t_min.

`karras` and `log_snr` place nodes in the ratio sigma/alpha, in which every process is the same curve. A process that
loses the signal begins where hardly any is left, or none: there nothing happens, so that t_max itself is the first node
and the others run down from `ratio_max`, which the samplers reach in one step (`dynamics.past_noise`).
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..checks import check_count
from ..processes import AbstractProcess

LEAST_RATIO, RATIO_STEPS, LEAP = 8.0, 40, 4
"""The default `ratio_max` is the larger of 8 and steps^2/40. With e = (data variance)/ratio_max^2 the step from noise to
it is relatively wrong by e^2/8 where it takes the mean of D at its ends, and by e/2 where it takes one D (derived from
a Gaussian): both vanish faster than the errors of the other steps as the steps become more. Data of a standard
deviation s far above 1 need a `ratio_max` of 8 s, or more steps. Where t_max is less than four times as far there is
no such step."""


def karras(
    process: AbstractProcess, steps: int, rho: float = 7.0, *, ratio_max: float | None = None
) -> Float[Array, "nodes"]:
    """`ratio_i = (high^(1/rho) + i/N (low^(1/rho) - high^(1/rho)))^rho`, where ratio = sigma/alpha runs from its value
    `high` at t_max to its value `low` at t_min: the larger rho, the more nodes near the data. Where `high` is far above
    `ratio_max`, t_max is the first node and the others run from `ratio_max` in N - 1 steps; by default it is the larger
    of 8 and N^2/40, which suits data of variance up to 25 or so, and a process that keeps alpha = 1 has none.

    Raises ValueError where `rho` or `steps` is not positive, or the steps are too fine for the times' precision.
    Source: Karras et al., arXiv:2206.00364, eq. 5.
    """
    if not rho > 0:
        raise ValueError(f"`rho` must be positive, but is {rho}.")
    power = lambda high, low, part: (high ** (1 / rho) + part * (low ** (1 / rho) - high ** (1 / rho))) ** rho  # noqa: E731
    return _in_ratios(process, steps, ratio_max, power)


def log_snr(process: AbstractProcess, steps: int, *, ratio_max: float | None = None) -> Float[Array, "nodes"]:
    """`ratio_i = high (low/high)^(i/N)`, nodes uniform in log(sigma/alpha): the limit of `karras` for large rho, with
    the same `ratio_max`.

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
    """The times of `ratios(high, low, i/N)`; behind t_max itself where the ratio there is far above `ratio_max`."""
    check_count("steps", steps)
    (first, high), (last, low) = process.level(process.t_max), process.level(process.t_min)
    low, high = float(low) / float(last), float(high) / float(first) if float(first) > 0 else np.inf
    far = ratio_max
    if ratio_max is None:
        far = np.inf if float(first) == 1 else max(LEAST_RATIO, steps**2 / RATIO_STEPS, LEAST_RATIO * low)
    if not low < far or (high == far == np.inf):
        raise ValueError(f"`ratio_max` must be finite and above sigma/alpha = {low:.3g} at t_min, but is {far}.")
    leap = high > LEAP * far
    times = np.asarray(process.time_at(ratios(far if leap else high, low, np.linspace(0, 1, steps + (not leap)))))
    return _finished(np.concatenate([[process.t_max] * leap, times]), process)


def _finished(times, process):
    times = jnp.asarray(np.concatenate([[process.t_max], times[1:-1], [process.t_min]]))
    if not np.all(np.diff(np.asarray(times)) < 0):
        found = f"{times.dtype}, but {len(times) - 1} steps do not"
        raise ValueError(f"`steps` must leave neighbouring times distinct in {found}.")
    return times
