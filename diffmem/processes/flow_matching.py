"""The straight path of flow matching, from data at t = 0 to noise at t = 1."""

import jax.numpy as jnp

from ..annotations import Scalar
from .base import AbstractProcess, as_time, check_times, known


class FlowMatching(AbstractProcess):
    """`alpha = 1 - t, sigma = t` on [1e-3, 1], alpha(1) = 0.

    Source: Lipman et al., arXiv:2210.02747, with time reversed: here t = 1 is noise.
    """

    t_min: Scalar = 1e-3
    t_max: Scalar = 1.0

    def __check_init__(self):
        check_times(self.t_min, self.t_max)
        if known(self.t_max) and self.t_max > 1:
            raise ValueError(f"`t_max` must be at most 1, where alpha is 0, but is {self.t_max}.")

    def alpha(self, t):
        """`1 - t`."""
        return 1 - as_time(t)

    def sigma(self, t):
        """`t`."""
        return as_time(t)

    def time_at(self, ratio):
        """`ratio / (1 + ratio)`, 1 where the ratio is infinite."""
        ratio = as_time(ratio)
        small, large = jnp.minimum(ratio, 1), jnp.maximum(ratio, 1)
        return jnp.where(ratio < 1, small / (1 + small), 1 / (1 + 1 / large))
