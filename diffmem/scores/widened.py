"""Density smoothing: the score of the data blurred by a Gaussian."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..annotations import Point, Scalar
from ..checks import check_nonnegative
from ..level import NoiseLevel, cast_level, float_dtype, strong
from .base import AbstractScore, Evaluation


class Widened(AbstractScore):
    """The score of data convolved with N(0, width^2 I); of an `Empirical` score, that of a kernel density estimate.

    Blurred data are noisy data: with `s^2 = sigma^2 + alpha^2 width^2` the score is the held one at (alpha, s), and by
    Tweedie `D' = (sigma^2 D + alpha width^2 x) / s^2` with D the held denoiser at (alpha, s). `width` >= 0 is a
    standard deviation in data units, a number or a scalar array. At sigma = 0 it is x/alpha, at alpha = 0 the held
    mean. Cost of the held score. Raises ValueError for a negative width. Source: derived; Farghly
    et al., arXiv:2510.02305, compare it with the smoothing of log-densities (`Smoothed`).
    """

    held: AbstractScore
    width: Scalar

    def __check_init__(self):
        check_nonnegative("width", self.width)

    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """`(sigma^2 D + alpha width^2 x) / s^2`, the held noise times sigma/s, and the `info` of the held score."""
        wider = self._wider(x, level)
        found = self.held.evaluate(x, wider)
        x = strong(x, found.mean.dtype)
        alpha, sigma = cast_level(level, x.dtype)
        flat = wider.sigma == 0
        wide, width = jnp.where(flat, 1, wider.sigma), strong(self.width, x.dtype)
        share, blur = jnp.where(flat, 1, sigma / wide), width / wide
        # from the left: the square of the blur may overflow where alpha is small
        return Evaluation(share**2 * found.mean + alpha * blur * blur * x, share * found.noise, found.info)

    def score(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """The held score at (alpha, s)."""
        return self.held.score(x, self._wider(x, level))

    def divergence(self, x: Point, level: NoiseLevel) -> Float[Array, ""]:
        """The divergence of the held score at (alpha, s)."""
        return self.held.divergence(x, self._wider(x, level))

    def _wider(self, x, level: NoiseLevel) -> NoiseLevel:
        """(alpha, s) in the precision of x."""
        dtype = float_dtype(x)
        alpha, sigma = cast_level(level, dtype)
        return NoiseLevel(alpha, jnp.hypot(sigma, alpha * strong(self.width, dtype)))
