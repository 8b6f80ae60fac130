"""What all detectors share: both branches of a guided score, measured along its paths."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ...annotations import Numbers, RandomKey
from ...checks import check_count
from ...integrators import DDIM, AbstractIntegrator, sample
from ...level import NoiseLevel
from ...processes import AbstractProcess
from ...scores import AbstractScore, Branches
from ...scores.combined import branches_of
from ...tensors import read_tensor

Measure = Callable[[Float[Array, "*shape"], NoiseLevel, Branches], PyTree]
"""`measure(x, level, branches)` at one state of a path."""


def measured_along(
    measure: Measure,
    score: AbstractScore,
    starts: Numbers,
    process: AbstractProcess,
    times: Numbers,
    key: RandomKey,
    integrator: AbstractIntegrator | None = None,
) -> PyTree:
    """`measure(x, level, branches)` at each time of the paths of a guided score, leaves (steps + 1, count, ...).

    `score` is a `Guided` score, or any whose evaluation hands on `Branches`; `starts` (count, *shape) are the states at
    times[0]; `integrator` is `DDIM()` by default. At the last time, the clean end of a path, both branches of an exact
    score agree. Raises ValueError for a score without branches.
    """
    starts = jnp.asarray(read_tensor(starts))
    integrator = DDIM() if integrator is None else integrator
    observe = eqx.Partial(_measured, measure)
    found = sample(
        score, process, integrator, times, starts.shape[1:], len(starts), key=key, start=starts, observe=observe
    )
    return found.observed


def check_steps(steps: int, times: Numbers) -> None:
    """Raise ValueError unless `steps` is a whole number from 1 to the number of steps of `times`."""
    total = len(jnp.asarray(times)) - 1
    check_count("steps", steps)
    if steps > total:
        raise ValueError(f"`steps` must be at most {total}, the steps of `times`, but is {steps}.")


def _measured(measure, x, level, found):
    return measure(x, level, branches_of(found))
