"""The cosine variance-preserving schedule, which ends at alpha = 0."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..annotations import Scalar
from .base import AbstractProcess, as_time, check_times, half_log1p_square, known


class CosineVariancePreserving(AbstractProcess):
    """`alpha = cos(pi/2 (t+o)/(1+o)) / cos(pi/2 o/(1+o)), sigma^2 = 1 - alpha^2`, on [1e-3, 1], alpha(1) = 0 exactly.

    Source: Nichol and Dhariwal, arXiv:2102.09672, eq. 17, with the offset o = .008.
    """

    offset: Scalar = 0.008
    t_min: Scalar = 1e-3
    t_max: Scalar = 1.0

    def __check_init__(self):
        check_times(self.t_min, self.t_max)
        if known(self.t_max) and self.t_max > 1:
            raise ValueError(f"`t_max` must be at most 1, where alpha is 0, but is {self.t_max}.")
        if known(self.offset) and not self.offset >= 0:
            raise ValueError(f"`offset` must be at least 0, but is {self.offset}.")

    @property
    def _quarter(self):
        return math.pi / 2 / (1 + self.offset)

    @property
    def _functions(self):
        return math if known(self.offset) else jnp

    @property
    def _scale(self):
        return self._functions.cos(self._quarter * self.offset)

    def alpha(self, t):
        """The cosine as the sine of the complementary angle, which is exactly 0 at t = 1."""
        return jnp.sin(self._quarter * (1 - as_time(t))) / self._scale

    def sigma(self, t):
        """`sqrt(1 - alpha^2)` as `sqrt(sin(a - b) sin(a + b)) / cos b`, which keeps its digits as t -> 0."""
        t = as_time(t)
        return _mean_sine(self._quarter * t, self._quarter * (t + 2 * self.offset)) / self._scale

    def time_at(self, ratio):
        """The inverse of alpha where alpha is small, and of sigma where sigma is small."""
        ratio = as_time(ratio)
        depth = half_log1p_square(ratio)
        from_alpha = 1 - jnp.arcsin(jnp.minimum(self._scale * jnp.exp(-depth), 1)) / self._quarter
        # sin(a - b) sin(a + b) = sin^2 a - sin^2 b, so sin^2 a - sin^2 b = cos^2 b sigma^2, and a - b follows without
        # cancellation
        lift = -jnp.expm1(-2 * depth) * self._scale**2
        base = self._quarter * self.offset
        sine = jnp.sqrt(lift + self._functions.sin(base) ** 2)
        cosine = jnp.sqrt(jnp.maximum(1 - sine**2, 0))
        # sin(a - b) = lift / sin(a + b)
        both = sine * self._functions.cos(base) + cosine * self._functions.sin(base)
        from_sigma = jnp.arcsin(jnp.clip(lift / jnp.where(both > 0, both, 1), 0, 1)) / self._quarter
        return jnp.where(ratio < 1, from_sigma, from_alpha)


@jax.custom_jvp
def _mean_sine(a: Float[Array, "*times"], b: Float[Array, "*times"]) -> Float[Array, "*times"]:
    """`sqrt(sin a sin b)`."""
    return jnp.sqrt(jnp.sin(a) * jnp.sin(b))


@_mean_sine.defjvp
def _mean_sine_jvp(primals, tangents):
    """The slopes, finite where both sines are 0 as without an offset at time 0: it is then the sine itself."""
    a, b = primals
    both = (jnp.sin(a) == 0) & (jnp.sin(b) == 0)
    ratio = jnp.where(both, 1, jnp.sqrt(jnp.sin(a) / jnp.where(both, 1, jnp.sin(b))))
    return _mean_sine(a, b), (jnp.cos(a) / ratio * tangents[0] + jnp.cos(b) * ratio * tangents[1]) / 2
