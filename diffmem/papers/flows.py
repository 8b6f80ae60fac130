"""Probability flows from states that are given, which are deterministic."""

import jax
import numpy as np
from jaxtyping import ArrayLike, Float

from ..integrators import AbstractIntegrator, Heun, Observer, Samples, sample
from ..processes import AbstractProcess
from ..scores import AbstractScore

HEUN = Heun()


def flow_from(
    start: Float[ArrayLike, "count *shape"],
    score: AbstractScore,
    process: AbstractProcess,
    times: Float[ArrayLike, " nodes"],
    *,
    integrator: AbstractIntegrator = HEUN,
    observe: Observer | None = None,
    finish: str = "state",
) -> Samples:
    """Where the probability flow of a score carries the states `start` at times[0]: `sample` without its key, since
    nothing is drawn.

    Raises ValueError as `sample` does.
    """
    key, (count, *shape) = jax.random.key(0), np.shape(start)
    run = score, process, integrator, times, tuple(shape), count
    return sample(*run, key=key, start=start, observe=observe, finish=finish)
