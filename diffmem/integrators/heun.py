"""Heun's method with churn, in the variables in which every probability flow is the same curve."""

import jax
import jax.numpy as jnp

from ..level import NoiseLevel
from .base import AbstractStepper
from .dynamics import flow_towards, leaves_noise


class Heun(AbstractStepper):
    """The trapezoidal rule for `du/d rho = noise`, u = x/alpha, rho = sigma/alpha; second order.

    Before each step with rho in [churn_min, churn_max] the point is noised up to `(1 + gamma) rho`, with `gamma =
    min(churn/steps, sqrt 2 - 1)` and noise of standard deviation `s_noise sqrt((1 + gamma)^2 - 1) rho`, at the same
    alpha. A step from noise with little or no signal (`dynamics.leaves_noise`) takes the mean of D at its ends in place
    of that of the noises, so that it may be long. Two evaluations a step; one, by the first-order rule, where the
    target has sigma = 0 (2 N - 1 for N steps that end there), or where one end has alpha = 0 (no churn there) and the
    other much signal. Source: Karras et al., arXiv:2206.00364, algorithm 2; the step from noise: derived.
    """

    churn: float = 0.0
    churn_min: float = 0.0
    churn_max: float = float("inf")
    s_noise: float = 1.0

    def __check_init__(self):
        for name in ("churn", "churn_min", "churn_max", "s_noise"):
            if not (value := getattr(self, name)) >= 0:
                raise ValueError(f"`{name}` must be at least 0, but is {value}.")

    @property
    def stochastic(self) -> bool:
        """True with churn."""
        return self.churn > 0

    def init(self, score, x, nodes, key):
        """The relative rise of the noise, gamma."""
        return min(self.churn / (nodes.time.shape[0] - 1), 2**0.5 - 1)

    def step(self, score, x, here, state, now, after, key):
        """Churn, predict by exponential Euler, correct by the slope at the target."""
        level = now.level
        if self.stochastic:
            x, level = self._churned(x, level, state, key)
            here = score.evaluate(x, level)
        predicted = flow_towards(here.mean, x, level, after.level)
        leaves = leaves_noise(level, after.level)
        edge = (level.alpha == 0) | (after.level.alpha == 0) | (after.level.sigma == 0)

        def corrected():
            found = score.evaluate(predicted, after.level)
            alpha = jnp.where(level.alpha == 0, 1, level.alpha)
            rise = after.level.sigma / after.level.alpha - level.sigma / alpha
            by_slopes = after.level.alpha * (x / alpha + rise * (here.noise + found.noise) / 2)
            return jnp.where(leaves, flow_towards((here.mean + found.mean) / 2, x, level, after.level), by_slopes)

        return jax.lax.cond(edge & ~leaves, lambda: predicted, corrected), state

    def _churned(self, x, level, gamma, key):
        ratio = level.sigma / level.alpha
        active = (level.alpha > 0) & (ratio >= self.churn_min) & (ratio <= self.churn_max)
        gamma = jnp.where(active, gamma, 0)
        spread = self.s_noise * level.sigma * jnp.sqrt(gamma * (2 + gamma))
        return x + spread * jax.random.normal(key, x.shape, x.dtype), NoiseLevel(level.alpha, level.sigma * (1 + gamma))
