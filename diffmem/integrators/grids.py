"""Grids of times: N steps give N + 1 strictly decreasing times, from exactly t_max to exactly t_min.

`karras` and `log_snr` place nodes in the ratio sigma/alpha, in which every process is the same curve. A process that
loses the signal begins where hardly any is left, or none: there nothing happens, so that t_max itself is the first node
and the others run down from `ratio_max`, which the samplers reach in one step (`dynamics.leaves_noise`).
"""

from contextlib import nullcontext

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..checks import check_count, check_kind, check_positive, is_concrete
from ..level import strong
from ..processes import AbstractProcess

LEAST_RATIO, RATIO_STEPS, LEAP = 12.0, 27, 7
"""The default `ratio_max` is `data_std` times the larger of 12 and steps^2/27. With e = (data_std/ratio_max)^2 the end
of the step from noise to it is relatively wrong by e/2 where it takes one D, and by 3 e^2/8 where Heun's method takes
the mean of two (derived from a Gaussian): .3 % and .002 % at most, and both fall faster than the errors of the other
steps as the steps become more. Where t_max is less than seven times as far there is no such step."""


def karras(
    process: AbstractProcess, steps: int, rho: float = 7.0, *, data_std: float = 1.0, ratio_max: float | None = None
) -> Float[Array, "nodes"]:
    """`ratio_i = (high^(1/rho) + i/N (low^(1/rho) - high^(1/rho)))^rho`, where ratio = sigma/alpha runs from its value
    `high` at t_max to its value `low` at t_min: the larger rho, the more nodes near the data. Where `high` is far above
    `ratio_max`, t_max is the first node and the others run from `ratio_max` in N - 1 steps; a process that keeps
    alpha = 1 has no such step. By default `ratio_max` is the larger of 12 and N^2/27, times `data_std`, the standard
    deviation of the data along their leading direction (values below 1 count as 1): about 1 for standardised data, 4.5
    for MNIST and 15 for colour images, with pixels in [-1, 1]. Too small a `data_std` narrows the samples along that
    direction, in few steps by tens of percent.

    Raises ValueError where `rho` or `steps` is not positive, or the steps are too fine for the times' precision.
    Source: Karras et al., arXiv:2206.00364, eq. 5.
    """
    if not rho > 0:
        raise ValueError(f"`rho` must be positive, but is {rho}.")
    power = lambda high, low, part: (high ** (1 / rho) + part * (low ** (1 / rho) - high ** (1 / rho))) ** rho  # noqa: E731
    return _in_ratios(process, steps, data_std, ratio_max, power)


def log_snr(
    process: AbstractProcess, steps: int, *, data_std: float = 1.0, ratio_max: float | None = None
) -> Float[Array, "nodes"]:
    """`ratio_i = high (low/high)^(i/N)`, nodes uniform in log(sigma/alpha): the limit of `karras` for large rho, with
    the same `data_std` and `ratio_max`.

    Raises ValueError where sigma(t_min) = 0, `steps` is not positive, or the steps are too fine for the precision.
    """
    _array_library(process, steps)
    least = process.sigma(process.t_min)
    if is_concrete(least) and least == 0:
        raise ValueError(
            f"`t_min` (or `sigma_min`) must give sigma > 0 on a logarithmic grid, but sigma({process.t_min}) is 0."
        )
    return _in_ratios(process, steps, data_std, ratio_max, lambda high, low, part: high * (low / high) ** part)


def uniform(process: AbstractProcess, steps: int) -> Float[Array, "nodes"]:
    """Nodes uniform in the process' time. Raises ValueError as `karras` does."""
    xp = _array_library(process, steps)
    return _finished(xp.linspace(process.t_max, process.t_min, steps + 1), process, xp)


def _in_ratios(process, steps, data_std, ratio_max, ratios):
    """The times of `ratios(high, low, i/N)`; behind t_max itself where the ratio there is far above `ratio_max`."""
    xp = _array_library(process, steps)
    check_positive("data_std", data_std)
    # a process that is known is asked now, whatever is traced around it
    with jax.ensure_compile_time_eval() if xp is np else nullcontext():
        levels = (process.level(process.t_max), process.level(process.t_min))
        (first, high), (last, low) = levels if xp is jnp else (tuple(map(float, level)) for level in levels)
        low, high = low / last, xp.where(first > 0, high / xp.where(first > 0, first, 1), np.inf)
        if ratio_max is None:
            wanted = max(1.0, data_std) * max(LEAST_RATIO, steps**2 / RATIO_STEPS)
            ratio_max = xp.where(first == 1, np.inf, xp.maximum(wanted, LEAST_RATIO * low))
        if xp is np and (not low < ratio_max or high == ratio_max == np.inf):
            above = f"above sigma/alpha = {low:.3g} at t_min, but is {ratio_max}."
            raise ValueError(f"`ratio_max` must be finite and {above}")
        leap = high > LEAP * ratio_max
        # the ends are set by `_finished`
        count = np.arange(steps + 1)
        with_leap, without = (xp.asarray(part, high.dtype) for part in ((count - 1) / max(steps - 1, 1), count / steps))
        part = xp.where(leap, xp.maximum(with_leap, 0), without)
        return _finished(process.time_at(ratios(xp.where(leap, ratio_max, high), low, part)), process, xp)


def _array_library(process, steps):
    """NumPy where the process is known, JAX where its parameters are traced; raises ValueError for bad arguments."""
    check_kind("process", process, AbstractProcess, "a process, such as processes.EDM()")
    check_count("steps", steps)
    return np if all(is_concrete(leaf) for leaf in jax.tree.leaves(process)) else jnp


def _finished(times, process, xp):
    times = xp.asarray(times)
    ends = (xp.asarray(end, times.dtype)[None] for end in (process.t_max, process.t_min))
    times = strong(xp.concatenate([next(ends), times[1:-1], next(ends)]), times.dtype)
    if is_concrete(times) and not np.all(np.diff(np.asarray(times)) < 0):
        found = f"{times.dtype}, but {len(times) - 1} steps do not"
        raise ValueError(f"`steps` must leave neighbouring times distinct in {found}.")
    return times
