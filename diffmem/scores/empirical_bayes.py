"""Empirical Bayes: the denominator of the posterior weights kept above a floor."""

import jax.numpy as jnp
from jaxtyping import ArrayLike, Real

from ..checks import check_nonnegative
from ..level import NoiseLevel, cast_level, strong
from .base import AbstractMixture
from .shrunk import AbstractShrunk, Kept, kept_of


class EmpiricalBayes(AbstractShrunk):
    """The score of a mixture with the denominator of its weights floored: `s' = s min(1, Z / floor)`.

    `Z = sum_i w_i exp(-|x - alpha y_i|^2 / (2 sigma^2)) = p (2 pi sigma^2)^(d/2)`, at most 1, is the sum of
    unnormalised kernels with weights that sum to one, `exp(log_partition)`, formed in logarithms. With its numerators
    untouched a weight becomes `w_i exp(.) / max(Z, floor)`: where Z < floor the weights no longer sum to one, and the
    score dies in the tails of the kernels, beyond |x - alpha y| = sigma sqrt(2 log(w/floor)) from a lone point of
    weight w. The tau of Baptista et al. is a floor for the sum of n kernels of weight one: `floor = tau / n` for n
    points of equal weight.

    `floor` >= 0, a number or a scalar array; 0 is the held score. See `AbstractShrunk` for alpha = 0 and sigma = 0,
    where off the points nothing is kept: s' = 0, D' = x/alpha. Cost: one more pass over the centres. Raises ValueError
    for a negative floor. Source: Baptista et al., arXiv:2501.15785, empirical Bayes regularisation.
    """

    held: AbstractMixture
    floor: Real[ArrayLike, ""]

    def __check_init__(self):
        check_nonnegative("floor", self.floor)

    def kept(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Kept:
        """`min(1, Z / floor)`."""
        log_sum = self.held.log_partition(x, level)
        floor = strong(self.floor, log_sum.dtype)
        bare = floor == 0
        share = jnp.exp(jnp.minimum(log_sum - jnp.log(jnp.where(bare, 1, floor)), 0))
        return kept_of(jnp.where(bare, 1, share), cast_level(level, log_sum.dtype).sigma)
