"""The Ornstein-Uhlenbeck process of the statistical-physics papers."""

import jax.numpy as jnp

from ..annotations import Scalar
from .base import AbstractProcess, as_time, check_times, half_log1p_square, preserving_sigma


class OrnsteinUhlenbeck(AbstractProcess):
    """`alpha = e^-t, sigma^2 = 1 - e^-2t`, that is dx = -x dt + sqrt(2) dW, on [1e-3, 10] by default.

    Example: signal and noise are equal where e^-2t = 1/2.
        >>> from diffmem import processes
        >>> process = processes.OrnsteinUhlenbeck()
        >>> print(f"t = {process.time_at(1.0):.4f}, alpha = {process.alpha(process.time_at(1.0)):.4f}")
        t = 0.3466, alpha = 0.7071

    Source: Biroli et al., arXiv:2402.18491.
    """

    t_min: Scalar = 1e-3
    t_max: Scalar = 10.0

    def __check_init__(self):
        check_times(self.t_min, self.t_max)

    def alpha(self, t):
        """`e^-t`."""
        return jnp.exp(-as_time(t))

    def sigma(self, t):
        """`sqrt(1 - e^-2t)`."""
        return preserving_sigma(as_time(t))

    def time_at(self, ratio):
        """`t = log(1 + ratio^2) / 2`."""
        return half_log1p_square(as_time(ratio))
