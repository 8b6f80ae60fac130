"""The contract of an integrator: one point, one key, a decreasing grid of times."""

from abc import abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray, PyTree

from ..level import NoiseLevel
from ..processes import AbstractProcess
from ..scores import AbstractScore

Observer = Callable[[Float[Array, "*shape"], NoiseLevel], PyTree]
"""Measured along the path: `observe(x, level)`."""


class Node(NamedTuple):
    """What a stepper sees of the process at one grid time."""

    time: Float[Array, ""]
    level: NoiseLevel
    rate: NoiseLevel


class AbstractIntegrator(eqx.Module):
    """Carries one point from `times[0]` to `times[-1]`, in either direction of time."""

    @abstractmethod
    def __call__(
        self,
        score: AbstractScore,
        process: AbstractProcess,
        x: Float[Array, "*shape"],
        times: Float[Array, "nodes"],
        *,
        key: PRNGKeyArray,
        observe: Observer | None = None,
    ) -> tuple[Float[Array, "*shape"], PyTree]:
        """The state at `times[-1]` and the observations at every grid time, stacked (None without an observer)."""
