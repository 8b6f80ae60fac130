"""Exponential Adams-Bashforth methods of order one to four."""

import jax.numpy as jnp

from .multistep import AbstractMultistep, exponential_moments


class ExponentialAdamsBashforth(AbstractMultistep):
    """The integral of the polynomial through the last `order` denoised points, with exact weights on any grid.

        x_b = (s_b/s_a) x + a_b sum_i w_i D_i,   w_i = int_0^h e^{-(h-u)} l_i(u) du

    l_i are the Lagrange polynomials of the nodes in lambda = log(alpha/sigma). One evaluation a step. Order 1 is DDIM,
    order 3 is `DPMSolverPP(order=3)`. Source: Zhang and Chen, arXiv:2204.13902, eqs. 14-15, for data prediction.
    """

    order: int = 4

    def __check_init__(self):
        if self.order not in (1, 2, 3, 4):
            raise ValueError(f"`order` must be 1, 2, 3 or 4, but is {self.order}.")

    def correction(self, h, offsets, denoised, past):
        """`sum_i w_i (D_i - D)` over the history."""
        moments = exponential_moments(h, len(offsets) + 1)
        weights = [
            sum(c * moment for c, moment in zip(_lagrange(offsets, i), moments[1:])) for i in range(len(offsets))
        ]
        return sum((w * (other - denoised) for w, other in zip(weights, past)), jnp.zeros_like(denoised))


def _lagrange(offsets, i):
    """Coefficients of u, u^2, ... of the polynomial that is 1 at offset i and 0 at 0 and at the other offsets."""
    coefficients = [1 / offsets[i]]
    for k in range(len(offsets)):
        if k != i:
            gap = offsets[i] - offsets[k]
            raised = [0, *coefficients]
            lowered = [*(-offsets[k] * c for c in coefficients), 0]
            coefficients = [(up + down) / gap for up, down in zip(raised, lowered)]
    return coefficients
