"""The exponential Euler method."""

from .base import AbstractOneStep
from .dynamics import flow_towards


class DDIM(AbstractOneStep):
    """`x_b = (s_b/s_a) x + (a_b - a_a s_b/s_a) D`: exact for a constant D, first order.

    It is also the Euler method of the probability flow in (x/alpha, sigma/alpha). One evaluation a step; regular at
    alpha = 0 and at a last sigma of 0, where it returns alpha D. Source: Song, Meng and Ermon, arXiv:2010.02502, eq. 12
    with eta = 0.
    """

    def step(self, score, x, here, state, now, after, key):
        """One exponential Euler step."""
        return flow_towards(here.mean, x, now.level, after.level), state
