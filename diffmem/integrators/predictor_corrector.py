"""Predictor-corrector sampling: a step of any stepper, then Langevin steps at the new level."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from .ancestral import Ancestral
from .base import AbstractStepper


class PredictorCorrector(AbstractStepper):
    """After each step of `predictor`, `corrections` Langevin steps `x + epsilon score + sqrt(2 epsilon) z`, `epsilon =
    2 (snr sigma)^2`.

    The published step size is `2 snr^2 |z|^2 / |score|^2`, averaged over a batch; here |z| and |score| are replaced by
    their values sqrt(d) and sqrt(d)/sigma where noise dominates, so that a point does not depend on its batch and the
    invariant law is biased by O(epsilon) only. 1 + corrections evaluations a step; no correction at sigma = 0. Source:
    Song et al., arXiv:2011.13456, algorithms 4 and 5.
    """

    predictor: AbstractStepper = Ancestral()
    corrections: int = 1
    snr: float = 0.16
    stochastic: ClassVar[bool] = True

    def __check_init__(self):
        if not self.corrections >= 0:
            raise ValueError(f"`corrections` must be at least 0, but is {self.corrections}.")
        if not self.snr > 0:
            raise ValueError(f"`snr` must be positive, but is {self.snr}.")

    def init(self, score, x, nodes, key):
        """The state of the predictor."""
        return self.predictor.init(score, x, nodes, key)

    def step(self, score, x, here, state, now, after, key):
        """Predict, then correct."""
        x, state = self.predictor.step(score, x, here, state, now, after, jax.random.fold_in(key, 0))
        level = after.level
        rate = 2 * self.snr**2 * level.sigma  # epsilon / sigma

        def correct(index, x):
            z = jax.random.normal(jax.random.fold_in(key, 1 + index), x.shape, x.dtype)
            return x - rate * score.noise(x, level) + jnp.sqrt(2 * rate * level.sigma) * z

        correct_all = lambda x: jax.lax.fori_loop(0, self.corrections, correct, x)  # noqa: E731
        return jax.lax.cond(level.sigma > 0, correct_all, lambda x: x, x), state
