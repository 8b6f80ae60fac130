"""What exponential multistep methods share: the exact linear part, a history of denoised points, and its accurate
start.
"""

from abc import abstractmethod
from math import factorial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..level import NoiseLevel
from .base import AbstractStepper
from .dynamics import flow_towards, log_ratio

SERIES_TERMS = 22  # of the moments below |h| = 1: the first term left out is below 1/23!


class History(NamedTuple):
    """Denoised points at other nodes than the current one, most useful first."""

    time: Float[Array, "past"]
    """lambda = log(alpha/sigma) of the nodes."""
    denoised: Float[Array, "past *shape"]
    """D there."""


class AbstractMultistep(AbstractStepper):
    """`x_b = (s_b/s_a) x + a_b int_0^h e^{-(h-u)} D(lambda_a + u) du`, h = lambda_b - lambda_a, with a polynomial for
    D.

    Subclass requirements: `order` and `correction`, the part of the integral that a constant D leaves out. In return:
    one evaluation a step, and a start that keeps the order. The start solves for the first `order` nodes together: D is
    fitted by its polynomial through all of them and the integral repeated `order - 1` times, each time one order
    better, at the cost of `(order - 1)^2 + 1` evaluations (one more from alpha = 0). So the first steps interpolate
    where the later ones extrapolate.

    Steps that touch alpha = 0 or sigma = 0, where h is infinite, are first order; the history begins behind alpha = 0.
    Fewer than `order + 1` steps are made with the order they allow, their number less one (at least 1).
    """

    order: eqx.AbstractVar[int]

    @abstractmethod
    def correction(
        self,
        h: Float[Array, ""],
        offsets: Float[Array, "past"],
        denoised: Float[Array, "*shape"],
        past: Float[Array, "past *shape"],
    ) -> Float[Array, "*shape"]:
        """`int_0^h e^{-(h-u)} (P(u) - D) du`, where P passes through `denoised` at 0 and `past` at the `offsets`."""

    def init(self, score, x, nodes, key):
        """The history at the nodes after the first, the farthest first, so that each is replaced when its turn
        comes.
        """
        order = max(1, min(self.order, nodes.time.shape[0] - 2))
        at = lambda i: jax.tree.map(lambda leaf: leaf[i], nodes)  # noqa: E731
        unbounded = at(0).level.alpha == 0
        if order == 1:
            return History(jnp.zeros((0,), x.dtype), jnp.zeros((0, *x.shape), x.dtype))
        begun = lambda x: flow_towards(score.denoise(x, at(0).level), x, at(0).level, at(1).level)  # noqa: E731
        x = jax.lax.cond(unbounded, begun, lambda x: x, x)
        first = unbounded.astype(jnp.int32)
        window = jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, first, order), nodes.level)
        return self._started(score, x, window, order)

    def step(self, score, x, here, state, now, after, key):
        """The integral with the polynomial through the history."""
        x = self._integral(x, here.mean, state, now.level, after.level)
        fresh = History(log_ratio(now.level), here.mean)
        shifted = jax.tree.map(lambda new, old: jnp.concatenate([new[None], old])[: len(old)], fresh, state)
        return x, jax.tree.map(lambda new, old: jnp.where(now.level.alpha == 0, old, new), shifted, state)

    def _started(self, score, x, window, order):
        level = lambda i: jax.tree.map(lambda leaf: leaf[i], window)  # noqa: E731
        here = score.denoise(x, level(0))
        times = log_ratio(window)[1:]

        def sweep(_, past):
            history = History(times, past)
            arrive = lambda after: score.denoise(self._integral(x, here, history, level(0), after), after)  # noqa: E731
            return jax.lax.map(arrive, jax.tree.map(lambda leaf: leaf[1:], window))

        constant = jnp.broadcast_to(here, (order - 1, *x.shape))
        past = jax.lax.fori_loop(0, order - 1, sweep, constant)
        return History(times[::-1], past[::-1])

    def _integral(self, x, denoised, history, now, after):
        flow = flow_towards(denoised, x, now, after)
        if history.time.shape[0] == 0:
            return flow
        edge = (now.alpha == 0) | (after.alpha == 0) | (after.sigma == 0)
        # at an edge the correction is not used: finite stand-ins keep its derivatives finite too
        now, after = (NoiseLevel(*(jnp.where(edge, 1, value) for value in level)) for level in (now, after))
        offsets = jnp.where(edge, 1 + jnp.arange(len(history.time), dtype=x.dtype), history.time - log_ratio(now))
        h = log_ratio(after) - log_ratio(now)
        correction = self.correction(h, offsets, denoised, history.denoised)
        return flow + jnp.where(edge, 0, after.alpha * correction)


def exponential_moments(h: Float[Array, ""], count: int) -> list[Float[Array, ""]]:
    """`J_j = int_0^h e^{-(h-u)} u^j du` for j < count: the recursion `J_j = h^j - j J_{j-1}`, its series for |h| <
    1.
    """
    recursion = [-jnp.expm1(-h)]
    for j in range(1, count):
        recursion.append(h**j - j * recursion[-1])
    near = jnp.clip(h, -1, 1)
    return [jnp.where(jnp.abs(h) < 1, _series(near, j), recursion[j]) for j in range(count)]


def _series(h, j):
    total = jnp.zeros_like(h)
    for k in reversed(range(SERIES_TERMS)):
        total = total * h + (-1) ** k * factorial(j) / factorial(j + 1 + k)
    return total * h ** (j + 1)
