"""Tikhonov regularisation: the optimum of score matching with a penalty on the square of the score."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Real

from ..checks import check_nonnegative
from ..level import NoiseLevel, cast_level, float_dtype, strong
from .base import AbstractDensity, AbstractScore
from .shrunk import AbstractShrunk, Kept, kept_of

Penalty = Callable[[AbstractScore, Real[ArrayLike, "*shape"], NoiseLevel, Float[Array, ""]], Kept]
"""`penalty(score, x, level, strength)`: the share of the score that the penalised optimum keeps at x."""


def constant_penalty(
    score: AbstractScore, x: Real[ArrayLike, "*shape"], level: NoiseLevel, strength: Float[Array, ""]
) -> Kept:
    """The penalty `c E |s'(x)|^2` under the law p of the noisy data: `s' = s / (1 + c)`.

    Pointwise minimum of `p |s' - s|^2 + c p |s'|^2`. Strength without unit; the same share at every level, so that
    points are approached as `(sigma/alpha)^(1/(1 + c))`, slower than sigma, but reached. Source: derived.
    """
    sigma = cast_level(level, strength.dtype).sigma
    return kept_of(1 / (1 + strength), sigma)


def inverse_variance_penalty(
    score: AbstractScore, x: Real[ArrayLike, "*shape"], level: NoiseLevel, strength: Float[Array, ""]
) -> Kept:
    """The penalty `(c / sigma^2) E |s'(x)|^2` under p: `s' = s sigma^2/(sigma^2 + c) = (alpha D - x)/(sigma^2 + c)`.

    Strength in squared units of x. Below sigma = sqrt(c) the score stays bounded and the probability flow stops short
    of the points (`theory.tikhonov_contraction`). Source: Baptista et al., arXiv:2501.15785, Tikhonov regularisation.
    """
    sigma = cast_level(level, strength.dtype).sigma
    total = sigma**2 + strength
    bare = strength == 0
    share = jnp.where(bare, 1, sigma**2 / jnp.where(bare, 1, total))
    return Kept(share, jnp.where(total == 0, jnp.inf, 1 / jnp.where(total == 0, 1, total)))


def lebesgue_penalty(
    score: AbstractScore, x: Real[ArrayLike, "*shape"], level: NoiseLevel, strength: Float[Array, ""]
) -> Kept:
    """The penalty `c` times the integral of |s'|^2 over all space: `s' = s p / (p + c) = grad p / (p + c)`.

    Pointwise minimum of `p |s' - s|^2 + c |s'|^2`, computed from log p. Strength in units of a density, 1/[x]^d: the
    score dies where the density is below it. The score must be an `AbstractDensity`. Source: derived; the penalty of
    Tikhonov for a density estimate.
    """
    assert isinstance(score, AbstractDensity)  # refused in one sentence by the constructor
    sigma = cast_level(level, strength.dtype).sigma
    log_p = strong(score.log_prob(x, level), strength.dtype)
    bare = strength == 0
    share = jax.nn.sigmoid(log_p - jnp.log(jnp.where(bare, 1, strength)))
    return kept_of(jnp.where(bare, 1, share), sigma)


class Tikhonov(AbstractShrunk):
    """The held score regularised by Tikhonov: the minimiser of `E |s' - s|^2 + penalty`, which keeps a share of s.

    `strength` c >= 0, a number or a scalar array (an array does not compile again for another strength); 0 is the held
    score. `penalty` is one of `inverse_variance_penalty` (default), `constant_penalty`, `lebesgue_penalty`, or a
    function of that form. `D' = x/alpha + share (D - x/alpha)`; see `AbstractShrunk` for sigma = 0 and alpha = 0. The
    result is the gradient of no density in general. Raises ValueError for a negative strength, and for
    `lebesgue_penalty` with a score that has no `log_prob`.
    """

    held: AbstractScore
    strength: Real[ArrayLike, ""]
    penalty: Penalty = inverse_variance_penalty

    def __check_init__(self):
        check_nonnegative("strength", self.strength)
        if self.penalty is lebesgue_penalty and not isinstance(self.held, AbstractDensity):
            raise ValueError(
                f"`held` must be a density to be penalised in Lebesgue measure, but is {type(self.held).__name__}."
            )

    def kept(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Kept:
        """What the penalty leaves."""
        return self.penalty(self.held, x, level, strong(self.strength, float_dtype(x)))
