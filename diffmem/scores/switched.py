"""Two scores, one for much noise and one for little."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Real

from ..checks import check_nonnegative, is_concrete
from ..level import NoiseLevel, cast_level, float_dtype, strong
from .base import AbstractScore, Evaluation


class Switched(AbstractScore):
    """The score `above` where `sigma/alpha >= ratio`, `below` elsewhere; alpha = 0 is above.

    `ratio` >= 0, a number or a scalar array. Where the level is one for a whole batch, as on every grid, only one score
    is computed; where `jax.vmap` runs over levels, both are, each at a level of its own side. An integrator's step
    should end at the ratio: across it the field is discontinuous. Raises ValueError for a negative ratio.
    """

    above: AbstractScore
    below: AbstractScore
    ratio: Real[ArrayLike, ""]

    def __check_init__(self):
        check_nonnegative("ratio", self.ratio)

    def evaluate(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Evaluation:
        """Mean and noise of one of the two."""
        return self._chosen(lambda score, x, level: score.evaluate(x, level)._replace(info=None), x, level)

    def score(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Float[Array, "*shape"]:
        """That of one of the two."""
        return self._chosen(lambda score, x, level: score.score(x, level), x, level)

    def divergence(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Float[Array, ""]:
        """That of one of the two."""
        return self._chosen(lambda score, x, level: score.divergence(x, level), x, level)

    def _chosen(self, function, x, level):
        alpha, sigma = cast_level(level, float_dtype(x))
        edge = alpha * strong(self.ratio, sigma.dtype)
        high = sigma >= edge
        if is_concrete(high):
            return function(self.above if high else self.below, x, NoiseLevel(alpha, sigma))
        # a batch of levels computes both sides: neither may see a level that it is not defined for
        over, under = NoiseLevel(alpha, jnp.where(high, sigma, edge)), NoiseLevel(alpha, jnp.where(high, edge, sigma))
        return jax.lax.cond(high, lambda: function(self.above, x, over), lambda: function(self.below, x, under))
