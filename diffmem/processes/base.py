"""The contract of a process: two formulas, alpha(t) and sigma(t), from which everything else is derived."""

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from ..annotations import Numbers, Scalar
from ..checks import as_values, is_concrete
from ..level import NoiseLevel, float_dtype, strong

BISECTIONS = 200  # halvings of [0, t_max]: 60 reach a unit in the last place at t_max, the rest resolve times near 0


class AbstractProcess(eqx.Module):
    """A Gaussian path `x_t = alpha(t) x_0 + sigma(t) z`, z ~ N(0, I), with sigma/alpha strictly increasing in t.

    Subclass requirements: `t_min`, `t_max` (fields or properties) and `alpha(t)`, `sigma(t)`, both written in JAX and
    accurate as t -> 0 (`expm1` in place of `1 - exp`). `time_at` finds a root unless a closed form replaces it.
    """

    if TYPE_CHECKING:  # to a type checker, fields would be the first arguments of every subclass

        @property
        def t_min(self) -> float:
            """The smallest time, nearest to the data."""
            ...

        @property
        def t_max(self) -> float:
            """The largest time, nearest to noise."""
            ...

    else:
        t_min: eqx.AbstractVar[Scalar]
        t_max: eqx.AbstractVar[Scalar]

    @abstractmethod
    def alpha(self, t: Float[ArrayLike, "*times"]) -> Float[Array, "*times"]:
        """Signal rate at time t."""

    @abstractmethod
    def sigma(self, t: Float[ArrayLike, "*times"]) -> Float[Array, "*times"]:
        """Noise scale at time t."""

    def level(self, t: Numbers) -> NoiseLevel:
        """(alpha, sigma) at time t (any shape of times)."""
        t = as_time(t)
        return NoiseLevel(self.alpha(t), self.sigma(t))

    def rate(self, t: Numbers) -> NoiseLevel:
        """(alpha', sigma'), the time derivatives of the level; at t = 0, sigma' is infinite for OU and VP."""
        t = as_time(t)
        alpha_rate = jax.jvp(self.alpha, (t,), (jnp.ones_like(t),))[1]
        sigma_rate = jax.jvp(self.sigma, (t,), (jnp.ones_like(t),))[1]
        return NoiseLevel(alpha_rate, sigma_rate)

    def drift_coefficient(self, t: Numbers) -> Float[Array, "*times"]:
        """`f = alpha'/alpha` of the forward SDE dx = f x dt + g dW; minus infinity where alpha = 0."""
        alpha, alpha_rate = self.level(t).alpha, self.rate(t).alpha
        # alpha' may be 0 there, too, where both are too small for a float
        return jnp.where(alpha == 0, -jnp.inf, alpha_rate / jnp.where(alpha == 0, 1, alpha))

    def diffusion_coefficient(self, t: Numbers) -> Float[Array, "*times"]:
        """`g` of the forward SDE dx = f x dt + g dW: `g^2 = 2 sigma (sigma' - sigma alpha'/alpha)`.

        At t = 0 it is the one-sided limit (OU: sqrt 2), at alpha = 0 it is infinite.
        """
        t = as_time(t)
        # sigma sigma' is 0 * inf at t = 0 although its limit exists: it is taken at a time so small that no other term
        # changes
        beside = jnp.asarray(jnp.finfo(t.dtype).tiny ** 0.5, t.dtype)
        t = jnp.where(jnp.isfinite(self.rate(t).sigma), t, jnp.maximum(t, beside))
        return jnp.sqrt(2 * self.sigma(t) * (self.rate(t).sigma - self.sigma(t) * self.drift_coefficient(t)))

    def time_at(self, ratio: Numbers) -> Float[Array, "*times"]:
        """The time in [0, t_max] at which sigma/alpha = ratio; 0 or t_max where there is none.

        By bisection, to the last place.
        """
        ratio = as_time(ratio)

        def halve(_, bracket):
            low, high = bracket
            middle = low + (high - low) / 2
            below = self.sigma(middle) < ratio * self.alpha(middle)
            return jnp.where(below, middle, low), jnp.where(below, high, middle)

        ends = jnp.zeros_like(ratio), jnp.full_like(ratio, self.t_max)
        high = jax.lax.fori_loop(0, BISECTIONS, halve, ends)[1]
        return jax.lax.stop_gradient(jnp.where(ratio == 0, 0, high))


def as_time(t: Numbers) -> Float[Array, "*times"]:
    """Times as a floating array; integers and Python numbers take JAX's default float."""
    return strong(t, float_dtype(t))


@jax.custom_jvp
def preserving_sigma(depth: Float[Array, "*times"]) -> Float[Array, "*times"]:
    """`sqrt(1 - alpha^2)` for alpha = e^-depth."""
    return jnp.sqrt(-jnp.expm1(-2 * depth))


@preserving_sigma.defjvp
def _preserving_sigma_jvp(primals, tangents):
    """The slope alpha^2/sigma, of which JAX's own for `expm1` loses all digits towards noise."""
    sigma = preserving_sigma(*primals)
    return sigma, jnp.exp(-2 * primals[0]) / sigma * tangents[0]


def half_log1p_square(ratio: Float[Array, "*times"]) -> Float[Array, "*times"]:
    """`log sqrt(1 + ratio^2)`, accurate for small ratios and without overflow for large ones."""
    small, large = jnp.minimum(ratio, 1), jnp.maximum(ratio, 1)
    return jnp.where(ratio < 1, jnp.log1p(small**2) / 2, jnp.log(large) + jnp.log1p(large**-2) / 2)


def check_times(t_min: Scalar, t_max: Scalar) -> None:
    """Raise ValueError unless 0 <= t_min < t_max, where both are known."""
    if known(t_min, t_max) and not 0 <= t_min < t_max:
        raise ValueError(f"`t_min` and `t_max` must satisfy 0 <= t_min < t_max, but are {t_min} and {t_max}.")


def check_sigmas(sigma_min: Scalar, sigma_max: Scalar) -> None:
    """Raise ValueError unless 0 < sigma_min < sigma_max, where both are known."""
    if known(sigma_min, sigma_max) and not 0 < sigma_min < sigma_max:
        raise ValueError(
            f"`sigma_min` and `sigma_max` must satisfy 0 < sigma_min < sigma_max, but are {sigma_min} and {sigma_max}."
        )


def known(*parameters: Any) -> bool:
    """Whether parameters can be compared now: not those that are traced, or stacked by `vmap`.

    Raises ValueError for what is no number.
    """
    for value in parameters:
        as_values("parameters", value)
    return all(is_concrete(value) and np.ndim(value) == 0 for value in parameters)
