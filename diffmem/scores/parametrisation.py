"""What a network is asked for, and how its answer F becomes a denoiser and a score.

Each is `D = skip x + out F` and, without the cancellation of Tweedie's difference, `noise = a x + b F`. The network
sees `x / sqrt(alpha^2 data_std^2 + sigma^2)`, of unit size at every level.
"""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..level import NoiseLevel
from .base import mean_of, over_sigma

Point = Float[Array, "*shape"]


class AbstractPrediction(eqx.Module):
    """The meaning of a network's answer; `data_std` is the standard deviation of a coordinate of the data.

    Subclass requirements: `denoise` and `noise`, which agree by Tweedie's identity. Raises ValueError for a `data_std`
    that is not positive.
    """

    data_std: float = eqx.field(converter=float)

    def __check_init__(self):
        if not self.data_std > 0:
            raise ValueError(f"`data_std` must be positive, but is {self.data_std}.")

    @abstractmethod
    def denoise(self, x: Point, answer: Point, level: NoiseLevel) -> Point:
        """D(x)."""

    @abstractmethod
    def noise(self, x: Point, answer: Point, level: NoiseLevel) -> Point:
        """E[z | x]."""

    def scaled(self, x: Point, level: NoiseLevel) -> Point:
        """x as the network sees it."""
        return x / self.spread(level)

    def spread(self, level: NoiseLevel) -> Float[Array, ""]:
        """`sqrt(alpha^2 data_std^2 + sigma^2)`: standard deviation of a coordinate of x."""
        return jnp.hypot(level.alpha * self.data_std, level.sigma)


class Preconditioned(AbstractPrediction):
    """The mixture of signal and noise that has unit variance at every level, with s the spread:

        D = (alpha data_std^2 x / s + sigma data_std F) / s,   noise = (sigma x / s - alpha data_std F) / s

    Regular at alpha = 0 and at sigma = 0. Source: Karras et al., arXiv:2206.00364, eq. 7 and table 1, for any
    alpha.
    """

    def denoise(self, x: Point, answer: Point, level: NoiseLevel) -> Point:
        """`(alpha data_std^2 x / s + sigma data_std F) / s`."""
        s = self.spread(level)
        return (level.alpha * self.data_std**2 * (x / s) + level.sigma * self.data_std * answer) / s

    def noise(self, x: Point, answer: Point, level: NoiseLevel) -> Point:
        """`(sigma x / s - alpha data_std F) / s`."""
        s = self.spread(level)
        return (level.sigma * (x / s) - level.alpha * self.data_std * answer) / s


class Signal(AbstractPrediction):
    """The data: `D = F`, `noise = (x - alpha F) / sigma`."""

    def denoise(self, x: Point, answer: Point, level: NoiseLevel) -> Point:
        """F."""
        return answer

    def noise(self, x: Point, answer: Point, level: NoiseLevel) -> Point:
        """`(x - alpha F) / sigma`, a difference that loses digits as sigma -> 0; infinite at sigma = 0."""
        return over_sigma(x - level.alpha * answer, level.sigma)


class Noise(AbstractPrediction):
    """The noise: `D = (x - sigma F) / alpha`. At alpha = 0 `denoise` is an error, also traced."""

    def denoise(self, x: Point, answer: Point, level: NoiseLevel) -> Point:
        """`(x - sigma F) / alpha`; raises where alpha = 0."""
        return mean_of(answer, x, level)

    def noise(self, x: Point, answer: Point, level: NoiseLevel) -> Point:
        """F."""
        return answer


class Velocity(AbstractPrediction):
    """`v = (alpha z - sigma x_0) / r` with `r = sqrt(alpha^2 + sigma^2)`, the rotation of signal into noise:

        D = (alpha x / r - sigma F) / r,   noise = (sigma x / r + alpha F) / r

    Regular at alpha = 0. Source: Salimans and Ho, arXiv:2202.00512, appendix D, for any alpha and sigma.
    """

    def denoise(self, x: Point, answer: Point, level: NoiseLevel) -> Point:
        """`(alpha x / r - sigma F) / r`."""
        r = jnp.hypot(*level)
        return (level.alpha * (x / r) - level.sigma * answer) / r

    def noise(self, x: Point, answer: Point, level: NoiseLevel) -> Point:
        """`(sigma x / r + alpha F) / r`."""
        r = jnp.hypot(*level)
        return (level.sigma * (x / r) + level.alpha * answer) / r
