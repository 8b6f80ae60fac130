"""The Euler-Maruyama method for the reverse SDE."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from .base import AbstractOneStep
from .dynamics import conditional, diffusion_squared, leaves_noise, reverse_drift


class EulerMaruyama(AbstractOneStep):
    """`x_b = x + (velocity - c^2/2 g^2 score) dt + c g sqrt|dt| z`, with c = `noise`.

    c = 1 is Anderson's reverse SDE, c = 0 the probability flow. Weak order one in the process' time; one evaluation a
    step. From noise with little or no signal (`dynamics.leaves_noise`), where g is large, a step is a draw from the law
    of x_b given x_0 = D (at c = 0 of the flow). Source: Song et al., arXiv:2011.13456, eq. 6; Anderson (1982).
    """

    noise: float = 1.0
    stochastic: ClassVar[bool] = True

    def __check_init__(self):
        if not self.noise >= 0:
            raise ValueError(f"`noise` must be at least 0, but is {self.noise}.")

    def step(self, score, x, here, state, now, after, key):
        """One Euler-Maruyama step."""
        z = jax.random.normal(key, x.shape, x.dtype)
        mean, deviation = conditional(here.mean, x, now.level, after.level, min(self.noise, 1.0))
        far = (now.level.alpha == 0) | leaves_noise(now.level, after.level)
        dt = after.time - now.time
        spread = self.noise * jnp.sqrt(diffusion_squared(now) * jnp.abs(dt))
        euler = x + reverse_drift(here, now, self.noise) * dt + spread * z
        return jnp.where(far, mean + deviation * z, euler), state
