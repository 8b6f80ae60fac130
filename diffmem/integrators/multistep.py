"""Exponential multistep methods: the exact linear part, a history of denoised points, and its accurate start."""

from math import prod
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from ..level import NoiseLevel
from .base import AbstractStepper
from .dynamics import flow_towards, leaves_noise, log_ratio

LONGEST = 1.4, 0.9, 0.5
"""Longest step h in which a polynomial through 2, 3 and 4 nodes is followed. D as a function of lambda has poles at a
distance of pi/2 for Gaussian data: a polynomial through k of its values is worth nothing at a distance of pi/2, and is
worse than one of lower degree well before. Where is a matter of trial, here on karras grids of 8 to 40 steps and
Gaussian data of variance .05 to 4: with these values the end point is worse than Heun's in a fifth of the cases, at
worst twice as far off (without them in two thirds, and up to 60 times)."""
PLACES, SHARES = np.polynomial.legendre.leggauss(32)
"""Quadrature on [-1, 1]: the integrals of a step are exact to 2e-14 up to h = 100, to 3e-8 at 200."""


class History(NamedTuple):
    """lambda = log(alpha/sigma) of other nodes than the current one, and D there, most useful first."""

    time: Float[Array, "past"]
    denoised: Float[Array, "past *shape"]
    known: Int[ArrayLike, ""]
    """How many of them have been seen."""
    left: Int[ArrayLike, ""]
    """Steps that are still to be made."""


class AbstractMultistep(AbstractStepper):
    """`x_b = (s_b/s_a) x + a_b int_0^h e^{-(h-u)} D(lambda_a + u) du`, h = lambda_b - lambda_a, D a polynomial.

    Subclass requirement: `order`. In return: one evaluation a step, and a start that keeps the order. The start solves
    for the first `order` nodes together: D is fitted by its polynomial through all of them and the integral repeated
    `order - 1` times, each time one order better, at the cost of `(order - 1)^2 + 1` evaluations (one more from alpha =
    0). So the first steps interpolate where the later ones extrapolate.

    Long steps are made with the order that they allow (`LONGEST`), and steps that touch alpha = 0 or sigma = 0, where h
    is infinite, are first order, as is a step from noise with little or no signal (`dynamics.leaves_noise`), behind
    which the history begins. Fewer than `order + 1` steps are made with the order they allow, their number less one
    (at least 1).
    """

    order: eqx.AbstractVar[int]
    start = "fitted"
    """How the history begins: "fitted" solves for it, "first order" gathers it by steps of lower order, as
    published.
    """
    lower_order_final = False
    """Whether such a method also lowers the order of its last steps."""

    def _correction(self, h, offsets, denoised, past: Float[Array, "past *shape"]):
        """`int_0^h e^{-(h-u)} (P(u) - D) du`, where P passes through `denoised` at 0 and `past` at the `offsets`."""
        # two nodes are followed farther half a step ahead than along their line, which lowered steps have need of
        return (halfway if len(offsets) == 1 else interpolated)(h, offsets, denoised, past)

    def init(self, score, x, nodes, key):
        """The history at the nodes after the first, the farthest first: each is replaced when its turn comes."""
        steps = nodes.time.shape[0] - 1
        gathered = self.start == "first order"
        order = self.order if gathered else max(1, min(self.order, steps - 1))
        if order == 1 or gathered:
            return History(jnp.zeros((order - 1,), x.dtype), jnp.zeros((order - 1, *x.shape), x.dtype), 0, steps)
        now, after = nodes.at(0).level, nodes.at(1).level
        begin = self._begins(now, after).astype(jnp.int32)
        begun = lambda x: flow_towards(score.denoise(x, now), x, now, after)  # noqa: E731
        x = jax.lax.cond(begin, begun, lambda x: x, x)
        window = jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, begin, order), nodes.level)
        start, others = jax.tree.map(lambda leaf: leaf[0], window), jax.tree.map(lambda leaf: leaf[1:], window)
        here, times = score.denoise(x, start), log_ratio(others)

        def sweep(_, past):
            history = History(times, past, order - 1, steps)
            arrive = lambda level: self._integral(x, here, history, start, level, order - 1)  # noqa: E731
            return jax.lax.map(lambda level: score.denoise(arrive(level), level), others)

        past = jax.lax.fori_loop(0, order - 1, sweep, jnp.broadcast_to(here, (order - 1, *x.shape)))
        return History(times[::-1], past[::-1], order - 1, steps)

    def step(self, score, x, here, state, now, after, key):
        """The integral with the polynomial through the history, to which the node is then added."""
        now, after = now.level, after.level
        moved = self._integral(x, here.mean, state, now, after, self._usable(state, now, after))
        added = lambda new, old: jnp.concatenate([new[None], old])[: len(old)]  # noqa: E731
        time, denoised = added(log_ratio(now), state.time), added(here.mean, state.denoised)
        longer = History(time, denoised, jnp.minimum(state.known + 1, len(time)), state.left)
        begins = self._begins(now, after)
        kept = jax.tree.map(lambda old, new: jnp.where(begins, old, new), state, longer)
        return moved, kept._replace(left=state.left - 1)

    def _begins(self, now, after):
        """Whether the history begins behind a step, which comes from noise."""
        return (now.alpha == 0) | ((self.start == "fitted") & leaves_noise(now, after))

    def _usable(self, history, now, after):
        """How many nodes of the history a step makes use of."""
        if self.start == "first order":
            return jnp.minimum(history.known, history.left - 1) if self.lower_order_final else history.known
        h = log_ratio(after) - log_ratio(now)
        allowed = jnp.sum(h <= jnp.asarray(LONGEST[: len(history.time)], h.dtype))
        return jnp.where(self._begins(now, after), 0, allowed)

    def _integral(self, x, denoised, history, now, after, usable):
        """The step with a polynomial through the first `usable` nodes of the history."""
        flow = flow_towards(denoised, x, now, after)
        edge = (now.alpha == 0) | (after.alpha == 0) | (after.sigma == 0)
        # at an edge the correction is not used: finite stand-ins keep its derivatives finite too
        now, after = (NoiseLevel(*(jnp.where(edge, 1, value) for value in level)) for level in (now, after))
        index = jnp.arange(len(history.time))
        absent = edge | (index >= history.known)
        offsets = jnp.where(absent, 1 + index.astype(x.dtype), history.time - log_ratio(now))
        h = log_ratio(after) - log_ratio(now)
        correction = jnp.zeros_like(flow)
        for count in range(1, len(offsets) + 1):
            found = self._correction(h, offsets[:count], denoised, history.denoised[:count])
            correction = jnp.where(usable == count, found, correction)
        return flow + jnp.where(edge, 0, after.alpha * correction)


STARTS = "fitted", "first order"
"""How `DPMSolverPP` begins without a history."""


class DPMSolverPP(AbstractMultistep):
    """Multistep DPM-Solver++ with data prediction, on h = lambda_b - lambda_a and lambda = log(alpha/sigma).

        order 2:  x_b = (s_b/s_a) x + a_b (1 - e^-h) (D + D1/2),       D1 = (D - D_-1)/r0
        order 3:  x_b = (s_b/s_a) x + a_b ((1 - e^-h) D + phi2 D1 - phi3 D2)

    with r0 = (lambda_a - lambda_-1)/h, r1 = (lambda_-1 - lambda_-2)/h, first differences d0 = (D - D_-1)/r0, d1 = (D_-1
    - D_-2)/r1, D1 = d0 + (d0 - d1) r0/(r0 + r1), D2 = 2 (d0 - d1)/(r0 + r1), phi2 = (e^-h - 1)/h + 1, phi3 = phi2/h -
    1/2. The 2 in D2 makes it h^2 D'', as the expansion requires; without it the method is of second order. One
    evaluation a step. Source: Lu et al., arXiv:2211.01095, algorithm 2 and appendix; the factor: derived, from the
    Taylor expansion of D.

    `start` says how it begins. "fitted", the default, solves for the first nodes together and keeps the order on every
    grid. N steps cost N + (order - 1)^2 + 1 evaluations: 22 for 20 steps of order 2, one more from alpha = 0. "first
    order" is the published algorithm 2 for order 2, to rounding: the first step is of first order (DDIM), all others of
    second, N evaluations; a first step that is not small costs accuracy. Order 3 then takes one more step, of second
    order, before its history is full. In both, steps that touch alpha = 0 or sigma = 0 are of first order.
    `lower_order_final` makes also the last step of "first order" one of first order, and for order 3 the one before it
    of second.

    diffusers' `DPMSolverMultistepScheduler` (defaults: order 2, its last step goes to sigma = 0) is `start="first
    order"` on the same levels; where its last sigma is "sigma_min" and it makes fewer than 15 steps, also
    `lower_order_final=True`. Its third order leaves out the factor 2 and is not reproduced. `finish="denoise"` of
    `sample` is one evaluation more, the step to sigma = 0.

    Raises ValueError for another order or start, and for `lower_order_final` with a fitted start.
    """

    order: int = 2
    start: str = "fitted"
    lower_order_final: bool = False

    def __check_init__(self):
        if self.order not in (2, 3):
            raise ValueError(f"`order` must be 2 or 3, but is {self.order}.")
        if self.start not in STARTS:
            raise ValueError(f"`start` must be 'fitted' or 'first order', but is {self.start!r}.")
        if self.lower_order_final and self.start == "fitted":
            raise ValueError('`lower_order_final` must go with `start="first order"`, but the start is fitted.')


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

    def _correction(self, h, offsets, denoised, past):
        # the method of second order is along the line; halfway is for lowered steps of the others
        formula = interpolated if self.order == 2 else super()._correction
        return formula(h, offsets, denoised, past)


def halfway(h, offsets, denoised, past):
    """The `correction` of D half a step ahead, on the line through two nodes: `(1 - e^-h) D1/2`."""
    D1 = (denoised - past[0]) / (-offsets[0] / h)
    return -jnp.expm1(-h) * D1 / 2


def interpolated(h, offsets, denoised, past):
    """The `correction` of the polynomial of lowest degree: `sum_i w_i (D_i - D)`, `w_i = int_0^h e^{-(h-u)} l_i(u) du`
    with the Lagrange polynomials l_i of the nodes, by quadrature.
    """
    places, shares = (jnp.asarray(part, h.dtype) for part in (PLACES, SHARES))
    u, kernel = h / 2 * (1 + places), h / 2 * shares * jnp.exp(h / 2 * (places - 1))
    offsets, total = list(offsets), jnp.zeros_like(denoised)
    for i, (offset, found) in enumerate(zip(offsets, past)):
        others = [0, *offsets[:i], *offsets[i + 1 :]]
        weight = jnp.sum(kernel * prod((u - other) / (offset - other) for other in others))
        total = total + weight * (found - denoised)
    return total
