"""Scores made of two scores: guidance, and one score at high noise with another at low noise."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..annotations import Point, Scalar
from ..checks import check_finite, check_kind, check_nonnegative, check_number, is_concrete
from ..level import NoiseLevel, cast_level, float_dtype, strong
from ..representation import one_line
from .base import AbstractScore, Evaluation, noise_of

Weight = float | Float[Array, ""] | Callable[[NoiseLevel], Scalar]


class Branches(NamedTuple):
    """The evaluations of both scores of a guided score at a point."""

    conditional: Evaluation
    unconditional: Evaluation

    __repr__ = one_line

    @property
    def gap(self) -> Float[Array, ""]:
        """`|eps_c - eps_u|`, the distance of the two noise predictions; its derivative is 0 where they agree."""
        square = jnp.sum((self.conditional.noise - self.unconditional.noise) ** 2)
        # the root has no derivative at 0
        return jnp.where(square == 0, 0, jnp.sqrt(jnp.where(square == 0, 1, square)))


def branches_of(found: Evaluation) -> Branches:
    """The branches in an evaluation of a guided score; raises ValueError where there are none."""
    if not isinstance(found.info, Branches):
        raise ValueError("`score` must hand on both branches of guidance, as `scores.Guided` does, but has none.")
    return found.info


class Guided(AbstractScore):
    """Classifier-free guidance: `s = s_u + w (s_c - s_u)` of a conditional and an unconditional score.

    `weight` w is a number or a function of the level: 0 gives the unconditional score, 1 the conditional one, and more
    than 1 extrapolates (`GuidanceInterval` limits it to some levels). Source: Ho and Salimans, arXiv:2207.12598.
    """

    conditional: AbstractScore
    unconditional: AbstractScore
    weight: Weight

    def __check_init__(self):
        for name, part in (("conditional", self.conditional), ("unconditional", self.unconditional)):
            check_kind(name, part, AbstractScore, "a score, such as scores.Empirical(points)")
        if not callable(self.weight):
            check_number("weight", self.weight)
            check_finite("weight", self.weight)

    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """`D_u + w (D_c - D_u)`, the same combination of the noises, and both evaluations."""
        found = Branches(self.conditional.evaluate(x, level), self.unconditional.evaluate(x, level))
        mean = self._mix(found.conditional.mean, found.unconditional.mean, level)
        noise = self._mix(found.conditional.noise, found.unconditional.noise, level)
        # at sigma = 0 both noises may be infinite, and their difference is not defined
        clean = cast_level(level, mean.dtype).sigma == 0
        return Evaluation(mean, jnp.where(clean, noise_of(mean, x, level), noise), found)

    def divergence(self, x: Point, level: NoiseLevel) -> Float[Array, ""]:
        """The same combination of the divergences; where both are infinite, at sigma = 0, it is -inf."""
        c, u = self.conditional.divergence(x, level), self.unconditional.divergence(x, level)
        weight = self._weight(level, u.dtype)
        # an infinite one with its sign, and not at all without a share
        parts = [jnp.where(share == 0, 0, share * part) for share, part in ((1 - weight, u), (weight, c))]
        edge = jnp.where(jnp.isinf(c) & jnp.isinf(u), -jnp.inf, parts[0] + parts[1])
        return jnp.where(jnp.isinf(c) | jnp.isinf(u), edge, self._mix(c, u, level))

    def _weight(self, level: NoiseLevel, dtype) -> Float[Array, ""]:
        weight = self.weight(cast_level(level, dtype)) if callable(self.weight) else self.weight
        return strong(jnp.asarray(weight), dtype)

    def _mix(self, conditional, unconditional, level: NoiseLevel):
        return unconditional + self._weight(level, unconditional.dtype) * (conditional - unconditional)


class GuidanceInterval(eqx.Module):
    """A guidance weight that is `weight` where `low <= sigma/alpha <= high`, both ends included, else `outside`.

    Guidance in an interval of noise levels (Kynkaanniemi et al., arXiv:2404.07724) has `outside` = 1, the conditional
    score. Delayed guidance (Jain et al., arXiv:2411.16738) begins at the ratio `high` with `low` = 0; before it comes
    the unconditional score with `outside` = 0, and with a negative one the path moves away from what the prompt copies.
    """

    weight: Scalar
    low: Scalar = 0.0
    high: Scalar = jnp.inf
    outside: Scalar = 1.0

    def __check_init__(self):
        check_nonnegative("low", self.low)
        if is_concrete(self.low) and is_concrete(self.high) and not self.low <= self.high:
            raise ValueError(f"`high` must be at least `low`, but they are {self.high} and {self.low}.")

    def __call__(self, level: NoiseLevel) -> Float[Array, ""]:
        """The weight at a level; alpha = 0 lies in the interval only where `high` is infinite."""
        alpha, sigma = level
        low, high, weight, outside = (strong(v, sigma.dtype) for v in (self.low, self.high, self.weight, self.outside))
        inside = (sigma >= low * alpha) & (jnp.isinf(high) | (sigma <= jnp.where(jnp.isinf(high), 0, high) * alpha))
        return jnp.where(inside, weight, outside)


class Switched(AbstractScore):
    """The score `above` where `sigma/alpha >= ratio`, `below` elsewhere; alpha = 0 is above.

    `ratio` >= 0, a number or a scalar array. Where a whole batch has one level, as on every grid, only one score is
    computed. A step of an integrator should end at the ratio, where it jumps. Raises ValueError for a negative ratio.
    """

    above: AbstractScore
    below: AbstractScore
    ratio: Scalar

    def __check_init__(self):
        for name, part in (("above", self.above), ("below", self.below)):
            check_kind(name, part, AbstractScore, "a score, such as scores.Empirical(points)")
        check_nonnegative("ratio", self.ratio)

    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """Mean and noise of `above` or `below`."""
        return self._chosen(lambda score, x, level: score.evaluate(x, level)._replace(info=None), x, level)

    def score(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """The score of `above` or `below`."""
        return self._chosen(lambda score, x, level: score.score(x, level), x, level)

    def divergence(self, x: Point, level: NoiseLevel) -> Float[Array, ""]:
        """The divergence of `above` or `below`."""
        return self._chosen(lambda score, x, level: score.divergence(x, level), x, level)

    def _chosen(self, function, x, level):
        alpha, sigma = cast_level(level, float_dtype(x))
        pure = alpha == 0
        # at alpha = 0 the product with an infinite ratio is not a number
        edge = jnp.where(pure, 0, jnp.where(pure, 1, alpha) * strong(self.ratio, sigma.dtype))
        high = sigma >= edge
        if is_concrete(high):
            return function(self.above if high else self.below, x, NoiseLevel(alpha, sigma))
        # a batch of levels computes both scores: each gets a level of its own side, for which it is defined
        over, under = NoiseLevel(alpha, jnp.where(high, sigma, edge)), NoiseLevel(alpha, jnp.where(high, edge, sigma))
        return jax.lax.cond(high, lambda: function(self.above, x, over), lambda: function(self.below, x, under))
