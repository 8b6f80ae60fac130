"""Guidance: a score that holds two scores."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Real

from ..level import NoiseLevel, cast_level, strong
from .base import AbstractScore

Weight = float | Float[Array, ""] | Callable[[NoiseLevel], Real[ArrayLike, ""]]


class Guided(AbstractScore):
    """Classifier-free guidance `s = s_u + w (s_c - s_u)` of a conditional and an unconditional score (Ho, Salimans,
    arXiv:2207.12598).

    `weight` is a number or a function of the level: 0 is unconditional, 1 conditional, above 1 extrapolates.
    """

    conditional: AbstractScore
    unconditional: AbstractScore
    weight: Weight

    def denoise(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Float[Array, "*shape"]:
        """`D_u + w (D_c - D_u)`."""
        return self._mix(self.conditional.denoise(x, level), self.unconditional.denoise(x, level), level)

    def score(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Float[Array, "*shape"]:
        """`s_u + w (s_c - s_u)`."""
        return self._mix(self.conditional.score(x, level), self.unconditional.score(x, level), level)

    def divergence(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Float[Array, ""]:
        """The same combination of the divergences."""
        return self._mix(self.conditional.divergence(x, level), self.unconditional.divergence(x, level), level)

    def _mix(self, conditional, unconditional, level: NoiseLevel):
        dtype = unconditional.dtype
        weight = self.weight(cast_level(level, dtype)) if callable(self.weight) else self.weight
        return unconditional + strong(jnp.asarray(weight), dtype) * (conditional - unconditional)
