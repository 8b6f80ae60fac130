"""Methods of one step: DDIM, ancestral sampling and Euler-Maruyama."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from .base import AbstractOneStep
from .dynamics import conditional, diffusion_squared, flow_towards, reverse_drift


class DDIM(AbstractOneStep):
    """`x_b = (s_b/s_a) x + (a_b - a_a s_b/s_a) D`: exact for a constant D, first order.

    It is also the Euler method of the probability flow in (x/alpha, sigma/alpha). One evaluation a step; regular at
    alpha = 0 and at a last sigma of 0, where it returns alpha D. Source: Song, Meng and Ermon, arXiv:2010.02502, eq. 12
    with eta = 0.
    """

    def step(self, score, x, here, state, now, after, key):
        """One exponential Euler step."""
        return flow_towards(here.mean, x, now.level, after.level), state


class Ancestral(AbstractOneStep):
    """`x_b = a_b D + sqrt(s_b^2 - v) noise + sqrt(v) z`, with `v = eta^2 s_b^2 (1 - (a_a s_b / a_b s_a)^2)`.

    eta = 1 draws from the exact law of x_b given x_a and x_0 = D (DDPM with its smaller variance), eta = 0 is DDIM.
    Exact for a constant D, weak order one otherwise, one evaluation a step; regular at alpha = 0 and at a last sigma of
    0. Source: Ho et al., arXiv:2006.11239, eqs. 6-7; Song, Meng and Ermon, arXiv:2010.02502, eqs. 12 and 16.
    """

    eta: float = 1.0
    stochastic: ClassVar[bool] = True

    def __check_init__(self):
        if not 0 <= self.eta <= 1:
            raise ValueError(f"`eta` must be between 0 and 1, but is {self.eta}.")

    def step(self, score, x, here, state, now, after, key):
        """One draw from the conditional law."""
        mean, deviation = conditional(here.mean, x, now.level, after.level, self.eta)
        return mean + deviation * jax.random.normal(key, x.shape, x.dtype), state


class EulerMaruyama(AbstractOneStep):
    """`x_b = x + (velocity - c^2/2 g^2 score) dt + c g sqrt|dt| z`, with c = `noise`.

    c = 1 is Anderson's reverse SDE, c = 0 the probability flow. Weak order one in the process' time; one evaluation a
    step. From alpha = 0, where g is infinite, the first step is a draw from the law of x_b given x_0 = D. Source: Song
    et al., arXiv:2011.13456, eq. 6; Anderson (1982).
    """

    noise: float = 1.0
    stochastic: ClassVar[bool] = True

    def __check_init__(self):
        if not self.noise >= 0:
            raise ValueError(f"`noise` must be at least 0, but is {self.noise}.")

    def step(self, score, x, here, state, now, after, key):
        """One Euler-Maruyama step."""
        z = jax.random.normal(key, x.shape, x.dtype)
        mean, deviation = conditional(here.mean, x, now.level, after.level, eta=1.0)
        dt = after.time - now.time
        spread = self.noise * jnp.sqrt(diffusion_squared(now) * jnp.abs(dt))
        euler = x + reverse_drift(here, now, self.noise) * dt + spread * z
        return jnp.where(now.level.alpha == 0, mean + deviation * z, euler), state
