"""Laws of the noise levels at which a denoiser is trained."""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from ..annotations import RandomKey
from ..checks import check_finite, check_kind, check_nonnegative, number
from ..level import NoiseLevel, ProcessLike, float_dtype


class AbstractLevels(eqx.Module):
    """A law of noise levels, given by its quantiles: called with a key it draws one.

    Subclass requirements: `at`, increasing in sigma/alpha.
    """

    @abstractmethod
    def at(self, quantile: Float[ArrayLike, ""]) -> NoiseLevel:
        """The level below which a share `quantile`, between 0 and 1, of the draws lies."""

    def __call__(self, *, key: RandomKey) -> NoiseLevel:
        """One level at random."""
        return self.at(jax.random.uniform(key))


class LogUniform(AbstractLevels):
    """alpha = 1 and log sigma uniform between those of `low` and `high`, in data units."""

    low: float = eqx.field(converter=number("low"))
    high: float = eqx.field(converter=number("high"))

    def __check_init__(self):
        if not 0 < self.low <= self.high:
            raise ValueError(f"`low` and `high` must be positive and rising, but are {self.low} and {self.high}.")

    def at(self, quantile: Float[ArrayLike, ""]) -> NoiseLevel:
        """sigma = low (high/low)^quantile."""
        low, high = (jnp.log(jnp.asarray(end, float_dtype(quantile))) for end in (self.low, self.high))
        sigma = jnp.exp(low + quantile * (high - low))
        return NoiseLevel(jnp.ones_like(sigma), sigma)


class LogNormal(AbstractLevels):
    """alpha = 1 and log sigma normal with the given mean and standard deviation (EDM: -1.2 and 1.2)."""

    mean: float = eqx.field(converter=number("mean"))
    std: float = eqx.field(converter=number("std"))

    def __check_init__(self):
        if not self.std > 0:
            raise ValueError(f"`std` must be positive, but is {self.std}.")

    def at(self, quantile: Float[ArrayLike, ""]) -> NoiseLevel:
        """sigma = exp(mean + std Phi^-1(quantile))."""
        tiny = jnp.finfo(float_dtype(quantile)).tiny
        sigma = jnp.exp(self.mean + self.std * jax.scipy.special.ndtri(jnp.maximum(quantile, tiny)))
        return NoiseLevel(jnp.ones_like(sigma), sigma)


class UniformTime(AbstractLevels):
    """The level of `process` at a time uniform in [t_min, t_max], by default those of the process."""

    process: ProcessLike
    t_min: float
    t_max: float

    def __init__(self, process: ProcessLike, t_min: float | None = None, t_max: float | None = None):
        check_kind("process", process, ProcessLike, "a process, such as processes.EDM()")
        self.process = process
        self.t_min = number("t_min")(process.t_min if t_min is None else t_min)
        self.t_max = number("t_max")(process.t_max if t_max is None else t_max)
        if not process.t_min <= self.t_min < self.t_max <= process.t_max:
            raise ValueError(
                f"`t_min` and `t_max` must rise within [{process.t_min}, {process.t_max}], "
                f"but are {self.t_min} and {self.t_max}."
            )

    def at(self, quantile: Float[ArrayLike, ""]) -> NoiseLevel:
        """The level at t_min + quantile (t_max - t_min)."""
        return self.process.level(self.t_min + quantile * (self.t_max - self.t_min))


class Fixed(AbstractLevels):
    """One of the given levels, all equally likely: `Fixed(alphas, sigmas)`, in order of rising noise.

    Raises ValueError for negative numbers and NaN.
    """

    alphas: Float[Array, " k"]
    sigmas: Float[Array, " k"]

    def __init__(self, alphas: Float[ArrayLike, "..."], sigmas: Float[ArrayLike, "..."]):
        for name, values in (("alphas", alphas), ("sigmas", sigmas)):
            check_finite(name, values)
            check_nonnegative(name, values)
        self.alphas, self.sigmas = (jnp.atleast_1d(part) for part in jnp.broadcast_arrays(alphas, sigmas))

    def at(self, quantile: Float[ArrayLike, ""]) -> NoiseLevel:
        """Level number `floor(k quantile)` of the k."""
        k = len(self.sigmas)
        i = jnp.clip(jnp.floor(jnp.asarray(quantile) * k).astype(int), 0, k - 1)
        return NoiseLevel(self.alphas[i], self.sigmas[i])
