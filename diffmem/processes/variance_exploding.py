"""The geometric variance-exploding schedule."""

import math

import jax.numpy as jnp

from ..annotations import Scalar
from .base import AbstractProcess, as_time, check_sigmas, known


class VarianceExploding(AbstractProcess):
    """`alpha = 1, sigma = sigma_min (sigma_max/sigma_min)^t` on [0, 1] (Song et al., arXiv:2011.13456)."""

    sigma_min: Scalar = 0.01
    sigma_max: Scalar = 50.0

    def __check_init__(self):
        check_sigmas(self.sigma_min, self.sigma_max)

    @property
    def t_min(self) -> float:
        """0, where sigma is sigma_min."""
        return 0.0

    @property
    def t_max(self) -> float:
        """1, where sigma is sigma_max."""
        return 1.0

    @property
    def _growth(self):
        log = math.log if known(self.sigma_min, self.sigma_max) else jnp.log
        return log(self.sigma_max / self.sigma_min)

    def alpha(self, t):
        """1."""
        return jnp.ones_like(as_time(t))

    def sigma(self, t):
        """`sigma_min (sigma_max/sigma_min)^t`."""
        return self.sigma_min * jnp.exp(self._growth * as_time(t))

    def time_at(self, ratio):
        """`log(ratio/sigma_min) / log(sigma_max/sigma_min)`; negative below sigma_min."""
        return jnp.log(as_time(ratio) / self.sigma_min) / self._growth
