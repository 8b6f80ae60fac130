"""Guidance: a score that holds two scores."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Real

from ..level import NoiseLevel, cast_level, strong
from .base import AbstractScore, Evaluation, noise_of

Weight = float | Float[Array, ""] | Callable[[NoiseLevel], Real[ArrayLike, ""]]


class Branches(NamedTuple):
    """What both scores of a guided one found at a point."""

    conditional: Evaluation
    unconditional: Evaluation


class Guided(AbstractScore):
    """Classifier-free guidance `s = s_u + w (s_c - s_u)` of a conditional and an unconditional score (Ho, Salimans,
    arXiv:2207.12598).

    `weight` is a number or a function of the level: 0 is unconditional, 1 conditional, above 1 extrapolates.
    """

    conditional: AbstractScore
    unconditional: AbstractScore
    weight: Weight

    def evaluate(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Evaluation:
        """`D_u + w (D_c - D_u)`, the same combination of the noises, and both evaluations."""
        found = Branches(self.conditional.evaluate(x, level), self.unconditional.evaluate(x, level))
        mean = self._mix(found.conditional.mean, found.unconditional.mean, level)
        noise = self._mix(found.conditional.noise, found.unconditional.noise, level)
        # without noise both may be infinite, and their difference is not defined
        clean = cast_level(level, mean.dtype).sigma == 0
        return Evaluation(mean, jnp.where(clean, noise_of(mean, x, level), noise), found)

    def divergence(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Float[Array, ""]:
        """The same combination of the divergences."""
        return self._mix(self.conditional.divergence(x, level), self.unconditional.divergence(x, level), level)

    def _mix(self, conditional, unconditional, level: NoiseLevel):
        dtype = unconditional.dtype
        weight = self.weight(cast_level(level, dtype)) if callable(self.weight) else self.weight
        return unconditional + strong(jnp.asarray(weight), dtype) * (conditional - unconditional)
