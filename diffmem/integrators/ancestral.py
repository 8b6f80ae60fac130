"""Ancestral sampling: draws from the law of the next state given the present one and D."""

from typing import ClassVar

import jax

from .base import AbstractOneStep
from .dynamics import conditional


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
