"""Preconditioning: what a network is asked for, and how its answer becomes a denoiser and a noise prediction.

In the letters of Karras et al. (EDM), arXiv:2206.00364, eq. 7, a network F becomes the denoiser

    D(x) = c_skip x + c_out F(c_in x, c_noise),

here at any signal rate alpha (theirs is 1), with s = sqrt(alpha^2 data_std^2 + sigma^2), r = sqrt(alpha^2 + sigma^2):

                      c_skip                  c_out                  the network is asked for
    Preconditioned    alpha data_std^2/s^2    sigma data_std/s       a mixture of signal and noise (EDM)
    Signal            0                       1                      x_0
    Noise             1/alpha                 -sigma/alpha           z (epsilon, DDPM)
    Velocity          alpha/r^2               -sigma/r               (alpha z - sigma x_0)/r (v-prediction)

Each has `c_in = 1/s`, so that the network's input is of unit size at every level, and `c_noise = log(sigma/alpha)`; the
factor 1/4 of EDM's c_noise is in `networks.fourier_features`. All but Signal also give the noise (x - alpha D)/sigma as
a sum of multiples of x and F, where no digits cancel as sigma -> 0.
"""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp

from ..annotations import Point, Scalar
from ..checks import number
from ..level import NoiseLevel
from .base import mean_of, over_sigma


def c_noise(level: NoiseLevel, smallest: Scalar, largest: Scalar) -> Scalar:
    """`log(sigma/alpha)`, the noise level as a network sees it, held between the logarithms of two ratios.

    At alpha = 0 it is the logarithm of the largest ratio, at sigma = 0 of the smallest.
    """
    alpha, sigma = level
    # the comparison with the largest ratio needs no division by alpha = 0
    ratio = jnp.where(sigma >= largest * alpha, largest, sigma / jnp.where(alpha == 0, 1, alpha))
    return jnp.log(jnp.maximum(ratio, smallest))


class AbstractPrediction(eqx.Module):
    """The meaning of a network's answer F; `data_std` is the standard deviation of a coordinate of the data.

    Subclass requirements: `denoise` and `noise`, which agree by Tweedie's identity. Raises ValueError for a `data_std`
    that is not positive.
    """

    data_std: float = eqx.field(converter=number("data_std"))

    def __check_init__(self):
        if not self.data_std > 0:
            raise ValueError(f"`data_std` must be positive, but is {self.data_std}.")

    @abstractmethod
    def denoise(self, x: Point, F: Point, level: NoiseLevel) -> Point:
        """D(x) = E[x_0 | x]."""

    @abstractmethod
    def noise(self, x: Point, F: Point, level: NoiseLevel) -> Point:
        """E[z | x]."""

    def s(self, level: NoiseLevel) -> Scalar:
        """`sqrt(alpha^2 data_std^2 + sigma^2)`, the standard deviation of a coordinate of x."""
        return jnp.hypot(level.alpha * self.data_std, level.sigma)

    def c_in(self, level: NoiseLevel) -> Scalar:
        """`1/s`: the network sees `c_in x`, of unit size at every level."""
        return 1 / self.s(level)


class Preconditioned(AbstractPrediction):
    """EDM's target, a mixture of signal and noise that has unit variance at every level:

        D = c_skip x + c_out F,   noise = (sigma/s^2) x - (alpha data_std/s) F

    Regular at alpha = 0 and at sigma = 0. Source: Karras et al., arXiv:2206.00364, eq. 7 and table 1.
    """

    def c_skip(self, level: NoiseLevel) -> Scalar:
        """`alpha data_std^2 / s^2`; EDM, alpha = 1: `sigma_data^2 / (sigma^2 + sigma_data^2)`."""
        s = self.s(level)
        return (level.alpha * self.data_std / s) * (self.data_std / s)

    def c_out(self, level: NoiseLevel) -> Scalar:
        """`sigma data_std / s`; EDM: `sigma sigma_data / sqrt(sigma^2 + sigma_data^2)`."""
        return level.sigma * self.data_std / self.s(level)

    def denoise(self, x: Point, F: Point, level: NoiseLevel) -> Point:
        """`c_skip x + c_out F`."""
        return self.c_skip(level) * x + self.c_out(level) * F

    def noise(self, x: Point, F: Point, level: NoiseLevel) -> Point:
        """`(sigma/s^2) x - (alpha data_std/s) F`."""
        s = self.s(level)
        return (level.sigma / s) * (x / s) - (level.alpha * self.data_std / s) * F


class Signal(AbstractPrediction):
    """The data x_0: `D = F`, `noise = (x - alpha F) / sigma`."""

    def denoise(self, x: Point, F: Point, level: NoiseLevel) -> Point:
        """F."""
        return F

    def noise(self, x: Point, F: Point, level: NoiseLevel) -> Point:
        """`(x - alpha F) / sigma`, a difference that loses digits as sigma -> 0; infinite at sigma = 0."""
        return over_sigma(x - level.alpha * F, level.sigma)


class Noise(AbstractPrediction):
    """The noise z (epsilon, DDPM): `D = (x - sigma F) / alpha`. At alpha = 0 `denoise` is an error, also traced."""

    def denoise(self, x: Point, F: Point, level: NoiseLevel) -> Point:
        """`(x - sigma F) / alpha`; raises where alpha = 0."""
        return mean_of(F, x, level)

    def noise(self, x: Point, F: Point, level: NoiseLevel) -> Point:
        """F."""
        return F


class Velocity(AbstractPrediction):
    """`v = (alpha z - sigma x_0) / r` with `r = sqrt(alpha^2 + sigma^2)`, the rotation of signal into noise:

        D = (alpha x / r - sigma F) / r,   noise = (sigma x / r + alpha F) / r

    Regular at alpha = 0. Source: Salimans and Ho, arXiv:2202.00512, appendix D, for any alpha and sigma.
    """

    def denoise(self, x: Point, F: Point, level: NoiseLevel) -> Point:
        """`(alpha x / r - sigma F) / r`."""
        r = jnp.hypot(*level)
        return (level.alpha * (x / r) - level.sigma * F) / r

    def noise(self, x: Point, F: Point, level: NoiseLevel) -> Point:
        """`(sigma x / r + alpha F) / r`."""
        r = jnp.hypot(*level)
        return (level.sigma * (x / r) + level.alpha * F) / r
