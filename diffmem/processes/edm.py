"""The process of EDM, whose time is the noise scale."""

import jax.numpy as jnp

from ..annotations import Scalar
from .base import AbstractProcess, as_time, check_sigmas


class EDM(AbstractProcess):
    """`alpha = 1, sigma = t` on [sigma_min, sigma_max] (Karras et al., arXiv:2206.00364)."""

    sigma_min: Scalar = 0.002
    sigma_max: Scalar = 80.0

    def __check_init__(self):
        check_sigmas(self.sigma_min, self.sigma_max)

    @property
    def t_min(self) -> Scalar:
        """sigma_min."""
        return self.sigma_min

    @property
    def t_max(self) -> Scalar:
        """sigma_max."""
        return self.sigma_max

    def alpha(self, t):
        """1."""
        return jnp.ones_like(as_time(t))

    def sigma(self, t):
        """`t`."""
        return as_time(t)

    def time_at(self, ratio):
        """`ratio`."""
        return as_time(ratio)
