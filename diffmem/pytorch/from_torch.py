"""A PyTorch network with the schedule it was trained on, as a score and a process."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from ..annotations import Numbers
from ..checks import as_values, check_callable
from ..processes import AbstractProcess, Discrete
from ..scores import FromHost
from .host_network import HostNetwork

NODES, RATIOS = 2**17, (1e-6, 1e6)  # of the table of times over log(sigma/alpha)

TimeOf = Callable[[Float[np.ndarray, "b"], Float[np.ndarray, "b"]], np.ndarray]
"""`time(alpha, sigma)`: what the network is told, one number for each row."""


def from_torch(
    model: Any,
    *,
    predicts: str,
    schedule: AbstractProcess | Numbers,
    time: TimeOf | None = None,
    condition: Mapping[str, Any] | None = None,
) -> tuple[FromHost, AbstractProcess]:
    """A PyTorch network as a pair `(score, process)`: `score, process = diffmem.from_torch(net, predicts=..., ...)`.

    The network is called as `model(x, t)`, or `model(x, t, **condition)`, on batches x (b, *shape) of its own precision
    and device, without gradients and in evaluation mode (dropout off), with one t for each row. It may answer with a
    tensor, a tuple that begins with one, or an object with the field `sample`. More than the channels of x (a learned
    variance) are left out. Images are channels-first, as the network takes them.

    Args:
        predicts: what it was trained to answer: "x0", "noise", "v" or "velocity" (see `scores.FromHost`).
        schedule: the process it was trained on, or the table alpha-bar (`alphas_cumprod`, NumPy or PyTorch) of a
            discrete one, which becomes `processes.Discrete`. The network sees noisy points of its own process only; any
            level of another process is brought to it.
        time: what t is. By default t is the time of `schedule`, for a table the nearest of its steps, an integer
            counted from 0. For example `time=lambda alpha, sigma: np.log(sigma) / 4` for EDM's networks.
        condition: further arguments by name, such as `{"class_labels": torch.tensor([3])}`; a tensor whose first axis
            is 1 is repeated for each row. One score is one condition: `scores.Guided` mixes two.

    The score has derivatives in x (`torch.func.vjp` and `jvp`), so that likelihoods and gradients of detectors work;
    x of double precision is computed in the precision of the network. Cost: one call of the network for a batch.

    Raises ImportError where PyTorch is missing and ValueError for another value of `predicts`. Nearest steps: between
    the steps of a table the answer is that of the nearest one, at an x of the true level.
    """
    needed("torch")
    check_callable("model", model, "of batches and their times, (x, t)", None if condition else 2)
    process = schedule if isinstance(schedule, AbstractProcess) else Discrete(table_of(schedule))
    told = time or (_step_of(process) if isinstance(process, Discrete) else _time_of(process))
    network = HostNetwork(model, told, dict(condition or {}))
    return FromHost(network.answer, predicts, process, network.vjp, network.jvp), process


def table_of(alpha_bars: Numbers) -> Float[np.ndarray, "steps"]:
    """alpha-bar in double precision; the last entry of a table with zero terminal SNR becomes small and positive.

    It is 0 there, or 2^-24 in some schedulers of diffusers, which may be above the entry before it: then it becomes a
    quarter of that one.
    """
    table = np.array(as_values("schedule", alpha_bars), np.float64)
    if table.ndim == 1 and len(table) > 1 and (table[-1] == 0 or table[-2] <= table[-1] <= 2.0**-24):
        table[-1] = table[-2] / 4
    return table


def needed(package: str) -> Any:
    """The package; raises ImportError in one sentence where it is missing."""
    try:
        return importlib.import_module(package)
    except ImportError:
        raise ImportError(f"`{package}` must be installed to use its networks: pip install {package}.") from None


def _step_of(process: Discrete) -> TimeOf:
    """The nearest step of the table, counted from 0."""
    depths = np.array(process.depths)

    def step(alpha, sigma):
        with np.errstate(divide="ignore"):
            depth = np.log1p((np.asarray(sigma, np.float64) / alpha) ** 2) / 2
        nearest = np.rint(np.interp(depth, depths, np.arange(len(depths)))) - 1
        return np.maximum(nearest, 0).astype(np.int64)

    return step


def _time_of(process: AbstractProcess) -> TimeOf:
    """The time of the process, to 1e-7 of its scale: JAX, which knows it exactly, cannot be called in a host call."""
    low, high = RATIOS
    nodes = np.linspace(np.log(low), np.log(high), NODES)
    times = np.asarray(process.time_at(np.exp(nodes)), np.float64)
    alpha = float(process.level(process.t_max).alpha)
    last = process.t_max if alpha == 0 else None

    def time(alpha, sigma):
        with np.errstate(divide="ignore"):
            found = np.interp(np.log(np.asarray(sigma, np.float64)) - np.log(alpha), nodes, times)
        return found if last is None else np.where(np.asarray(alpha) == 0, last, found)

    return time
