"""A score that is linear in fixed random features, a network whose training can be solved exactly."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Real

from ..annotations import Points
from ..arithmetic import dot
from ..checks import check_finite, is_concrete
from ..level import NoiseLevel, cast_level, float_dtype, strong
from .base import AbstractNoisePredictor, cast_point

SAME = 1e-5  # relative difference of two ratios sigma/alpha that rounding in single precision may make


class RandomFeatures(AbstractNoisePredictor):
    """A network of one hidden layer, `A f(W u/sqrt(d))/sqrt(p)`, W = `first` (p, d), A = `second` (d, p).

    It has no input for the noise: it is the score at its `level` (alpha_0, sigma_0), and, by scaling, at all levels of
    the same sigma/alpha,

        s(x) = A f(W u/sqrt(d))/(c sqrt(p)),    u = x/c,    c = Gamma/Gamma_0,    Gamma^2 = alpha^2 + sigma^2.

    At any other ratio it is an error, also when traced. Without a `level`, Gamma_0 = 1 and one function serves all
    ratios. The denoiser follows by Tweedie, `D = (x + sigma^2 s)/alpha`: an error at alpha = 0. `fit_random_features`
    finds A.

    x has the event shape (d,). `activation` is a JAX function; a score pickles where it can be imported by its name, as
    `jax.lax.tanh` can and the compiled `jnp.tanh` cannot. Cost 2 p d products. Raises ValueError for shapes that do
    not fit and values that are not finite.
    Source: George, Veiga, Macris, arXiv:2502.00336; Bonnaire et al., arXiv:2505.17638.
    """

    first: Float[Array, "p d"]
    second: Float[Array, "d p"]
    activation: Callable[[Array], Array] = eqx.field(static=True)
    level: NoiseLevel | None

    def __init__(
        self,
        first: Real[ArrayLike, "p d"],
        second: Points,
        activation: Callable[[Array], Array] = jax.lax.tanh,
        level: NoiseLevel | None = None,
    ):
        if np.ndim(first) != 2 or np.shape(second) != np.shape(first)[::-1]:
            raise ValueError(
                f"`first` and `second` must have shapes (p, d) and (d, p), "
                f"but have {np.shape(first)} and {np.shape(second)}."
            )
        check_finite("first", first)
        check_finite("second", second)
        dtype = float_dtype(first, second)
        self.first, self.second, self.activation = strong(first, dtype), strong(second, dtype), activation
        self.level = None if level is None else cast_level(level, dtype)

    def score(self, x: Real[ArrayLike, "d"], level: NoiseLevel) -> Float[Array, "d"]:
        """`A f(W u/sqrt(d))/(c sqrt(p))`."""
        p, d = self.first.shape
        x = cast_point(x, (d,), float_dtype(x))
        level = self._at_own_ratio(level, x.dtype)
        own = jnp.ones((), x.dtype) if self.level is None else jnp.hypot(*cast_level(self.level, x.dtype))
        scale = jnp.hypot(*level) / own
        features = self.activation(dot(strong(self.first, x.dtype), x) / (scale * strong(np.sqrt(d), x.dtype)))
        return dot(strong(self.second, x.dtype), features) / (scale * strong(np.sqrt(p), x.dtype))

    def noise(self, x: Real[ArrayLike, "d"], level: NoiseLevel) -> Float[Array, "d"]:
        """`-sigma s`."""
        score = self.score(x, level)
        return -cast_level(level, score.dtype).sigma * score

    def _at_own_ratio(self, level: NoiseLevel, dtype) -> NoiseLevel:
        """The level in the precision of x; an error at another sigma/alpha than that of the fit."""
        level = cast_level(level, dtype)
        if self.level is None:
            return level
        own = cast_level(self.level, dtype)
        one, other = level.sigma * own.alpha, own.sigma * level.alpha
        off = jnp.abs(one - other) > SAME * (one + other)
        if not is_concrete(off):
            return eqx.error_if(level, off, "`level` must have the ratio sigma/alpha of the fit, but has another.")
        if bool(off):
            raise ValueError(
                f"`level` must have the ratio sigma/alpha of the fit, {float(own.sigma / own.alpha):.4g}, "
                f"but is ({float(level.alpha):.4g}, {float(level.sigma):.4g})."
            )
        return level
