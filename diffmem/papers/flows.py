"""Probability flows from states that are given, which are deterministic."""

import jax
from jaxtyping import Array, Float

from ..integrators import AbstractIntegrator, Heun, Observer, Samples, sample
from ..processes import AbstractProcess
from ..scores import AbstractScore

HEUN = Heun()


def flow_from(
    start: Float[Array, "count *shape"],
    score: AbstractScore,
    process: AbstractProcess,
    times: Float[Array, "nodes"],
    *,
    integrator: AbstractIntegrator = HEUN,
    observe: Observer | None = None,
    finish: str = "state",
) -> Samples:
    """Where the probability flow of a score carries the states `start` at times[0]: `sample` without its key, since
    nothing is drawn.

    Raises ValueError as `sample` does.
    """
    key, shape = jax.random.key(0), start.shape[1:]
    return sample(
        score, process, integrator, times, shape, len(start), key=key, start=start, observe=observe, finish=finish
    )
