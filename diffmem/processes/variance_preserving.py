"""The linear-beta variance-preserving schedule."""

import jax.numpy as jnp

from ..annotations import Scalar
from .base import AbstractProcess, as_time, check_times, half_log1p_square, known, preserving_sigma


class VariancePreserving(AbstractProcess):
    """`log alpha = -beta_min t/2 - (beta_max - beta_min) t^2/4, sigma^2 = 1 - alpha^2`, on [1e-3, 1].

    The schedule of DDPM in continuous time, beta(t) = beta_min + (beta_max - beta_min) t. Source: Song et al.,
    arXiv:2011.13456.
    """

    beta_min: Scalar = 0.1
    beta_max: Scalar = 20.0
    t_min: Scalar = 1e-3
    t_max: Scalar = 1.0

    def __check_init__(self):
        check_times(self.t_min, self.t_max)
        if known(self.beta_min, self.beta_max) and not 0 < self.beta_min <= self.beta_max:
            raise ValueError(
                "`beta_min` and `beta_max` must satisfy 0 < beta_min <= beta_max, "
                f"but are {self.beta_min} and {self.beta_max}."
            )

    def _log_alpha(self, t):
        return -t * (self.beta_min / 2 + (self.beta_max - self.beta_min) * t / 4)

    def alpha(self, t):
        """`exp(-beta_min t/2 - (beta_max - beta_min) t^2/4)`."""
        return jnp.exp(self._log_alpha(as_time(t)))

    def sigma(self, t):
        """`sqrt(1 - alpha^2)`."""
        return preserving_sigma(-self._log_alpha(as_time(t)))

    def time_at(self, ratio):
        """The positive root of `beta_min t/2 + (beta_max - beta_min) t^2/4 = log(1 + ratio^2)/2`."""
        depth = half_log1p_square(as_time(ratio))
        half, slope = self.beta_min / 2, self.beta_max - self.beta_min
        # the quadratic formula in the form without cancellation
        root = 2 * depth / (half + jnp.sqrt(half**2 + slope * depth))
        return jnp.where(jnp.isinf(depth), jnp.inf, root)
