"""Regularised scores: another score times a share below 1, the result of regularised training."""

from abc import abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..annotations import Point, Scalar
from ..checks import check_nonnegative
from ..level import NoiseLevel, cast_level, float_dtype, strong
from .base import AbstractDensity, AbstractMixture, AbstractScore, Evaluation, noise_of


class Kept(NamedTuple):
    """The share of a score that is kept at one point and level."""

    share: Float[Array, ""]
    """Between 0 and 1."""
    rate: Float[Array, ""]
    """share / sigma^2, its limit at sigma = 0 (infinite where the share does not vanish there)."""


class AbstractShrunk(AbstractScore):
    """The held score times a share: `s' = share s`, `D' = x/alpha + share (D - x/alpha)` by Tweedie.

    Subclass requirements: `held` and `kept`. At sigma = 0 the score is the limit `rate (alpha D - x)` where it is
    finite and `share s` elsewhere, with derivative 0. At alpha = 0 the only score with a finite denoiser is
    -x / sigma^2, so that denoiser and score are those of the held score there. Cost: one evaluation of the held score.
    """

    held: eqx.AbstractVar[AbstractScore]

    @abstractmethod
    def kept(self, x: Point, level: NoiseLevel) -> Kept:
        """The share of the held score that is kept at x."""

    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """`x/alpha + share (D - x/alpha)` and `share noise`; those of the held score at alpha = 0."""
        found = self.held.evaluate(x, level)
        x = strong(x, found.mean.dtype)
        alpha, sigma = cast_level(level, x.dtype)
        pure, clean = alpha == 0, sigma == 0
        plain = x / jnp.where(pure, 1, alpha)
        share = jnp.where(pure, 1, self.kept(x, level).share)
        mean = jnp.where(pure, found.mean, plain + share * (found.mean - plain))
        noise = jnp.where(clean, noise_of(mean, x, level), share * jnp.where(clean, 0, found.noise))
        return Evaluation(mean, noise, found.info)

    def score(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """`share s`, the held s at alpha = 0."""
        score = self.held.score(x, level)
        x = strong(x, score.dtype)
        alpha, sigma = cast_level(level, x.dtype)
        kept, clean = self.kept(x, level), sigma == 0
        edge = jax.lax.stop_gradient(_without_noise(kept, score, alpha * self.held.denoise(x, level) - x))
        return jnp.where(clean, edge, jnp.where(alpha == 0, 1, kept.share) * jnp.where(clean, 0, score))


def kept_of(share: Float[Array, ""], sigma: Float[Array, ""]) -> Kept:
    """`Kept` for a share that at sigma = 0 is positive (infinite rate) or vanishes faster than sigma^2 (rate 0)."""
    clean = sigma == 0
    edge = jnp.where(share > 0, jnp.inf, 0)
    return Kept(share, jnp.where(clean, edge, share / jnp.where(clean, 1, sigma) ** 2))


def _without_noise(kept: Kept, score, displacement):
    bounded = jnp.isfinite(kept.rate)
    return jnp.where(
        bounded, jnp.where(bounded, kept.rate, 0) * displacement, jnp.where(score == 0, 0, kept.share * score)
    )


Penalty = Callable[[AbstractScore, Point, NoiseLevel, Float[Array, ""]], Kept]
"""`penalty(score, x, level, strength)`: the share of the score that the penalised optimum keeps at x."""


def constant_penalty(score: AbstractScore, x: Point, level: NoiseLevel, strength: Float[Array, ""]) -> Kept:
    """The penalty `c E |s'(x)|^2` under the law p of the noisy data: `s' = s / (1 + c)`.

    Pointwise minimum of `p |s' - s|^2 + c p |s'|^2`. Strength without unit; the same share at every level, so that
    points are approached as `(sigma/alpha)^(1/(1 + c))`, slower than sigma, but reached. Source: derived.
    """
    sigma = cast_level(level, strength.dtype).sigma
    return kept_of(1 / (1 + strength), sigma)


def inverse_variance_penalty(score: AbstractScore, x: Point, level: NoiseLevel, strength: Float[Array, ""]) -> Kept:
    """The penalty `(c / sigma^2) E |s'(x)|^2` under p: `s' = s sigma^2/(sigma^2 + c) = (alpha D - x)/(sigma^2 + c)`.

    Strength in squared units of x. Below sigma = sqrt(c) the score stays bounded and the probability flow stops short
    of the points (`theory.tikhonov_contraction`). Source: Baptista et al., arXiv:2501.15785, Tikhonov regularisation.
    """
    sigma = cast_level(level, strength.dtype).sigma
    bare = strength == 0
    # the root of sigma^2 + c, whose square may be no number
    root = jnp.where(bare, sigma, jnp.hypot(sigma, jnp.sqrt(jnp.where(bare, 1, strength))))
    inverse = jnp.where(root == 0, jnp.inf, 1 / jnp.where(root == 0, 1, root))
    return Kept(jnp.where(bare, 1, (sigma / jnp.where(bare, 1, root)) ** 2), inverse * inverse)


def lebesgue_penalty(score: AbstractScore, x: Point, level: NoiseLevel, strength: Float[Array, ""]) -> Kept:
    """The penalty `c` times the integral of |s'|^2 over all space: `s' = s p / (p + c) = grad p / (p + c)`.

    Pointwise minimum of `p |s' - s|^2 + c |s'|^2`, computed from log p. Strength in units of a density, 1/[x]^d: the
    score vanishes where the density is well below it. The score must be an `AbstractDensity`. Source: derived, as
    Tikhonov's penalty for an estimate of a density.
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
    function of that form. See `AbstractShrunk` for D', sigma = 0 and alpha = 0. In general the result is the gradient
    of no density. Raises ValueError for a negative strength, and for `lebesgue_penalty` with a score that has no
    `log_prob`.
    """

    held: AbstractScore
    strength: Scalar
    penalty: Penalty = inverse_variance_penalty

    def __check_init__(self):
        check_nonnegative("strength", self.strength)
        if self.penalty is lebesgue_penalty and not isinstance(self.held, AbstractDensity):
            raise ValueError(
                f"`held` must be a density to be penalised in Lebesgue measure, but is {type(self.held).__name__}."
            )

    def kept(self, x: Point, level: NoiseLevel) -> Kept:
        """The share that the penalised optimum keeps."""
        return self.penalty(self.held, x, level, strong(self.strength, float_dtype(x)))


class EmpiricalBayes(AbstractShrunk):
    """The score of a mixture with the denominator of its weights floored: `s' = s min(1, Z / floor)`.

    `Z = sum_i w_i exp(-|x - alpha y_i|^2 / (2 sigma^2)) = p (2 pi sigma^2)^(d/2)`, at most 1, is the sum of
    unnormalised kernels with weights that sum to one, `exp(log_partition)`, formed in logarithms. A posterior weight
    becomes `w_i exp(.) / max(Z, floor)`: where Z < floor the weights no longer sum to one, and the score vanishes in
    the tails of the kernels, beyond |x - alpha y| = sigma sqrt(2 log(w/floor)) from a lone point of weight w. The tau
    of Baptista et al. is a floor for the sum of n kernels of weight one: `floor = tau / n` for n points of equal
    weight.

    `floor` >= 0, a number or a scalar array; 0 is the held score. See `AbstractShrunk` for alpha = 0 and sigma = 0,
    where off the points nothing is kept: s' = 0, D' = x/alpha. Cost: one more pass over the centres. Raises ValueError
    for a negative floor. Source: Baptista et al., arXiv:2501.15785, empirical Bayes regularisation.
    """

    held: AbstractMixture
    floor: Scalar

    def __check_init__(self):
        check_nonnegative("floor", self.floor)

    def kept(self, x: Point, level: NoiseLevel) -> Kept:
        """`min(1, Z / floor)`."""
        log_sum = self.held.log_partition(x, level)
        floor = strong(self.floor, log_sum.dtype)
        bare = floor == 0
        share = jnp.exp(jnp.minimum(log_sum - jnp.log(jnp.where(bare, 1, floor)), 0))
        return kept_of(jnp.where(bare, 1, share), cast_level(level, log_sum.dtype).sigma)
