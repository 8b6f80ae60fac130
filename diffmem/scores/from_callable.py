"""Scores from any callable: a denoiser, a noise prediction, a velocity, or a function on the host."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..annotations import Point
from ..level import NoiseLevel, ProcessLike, cast_level, cast_rate
from .base import AbstractDenoiser, AbstractNoisePredictor, AbstractScore, Evaluation, as_point

PointFunction = Callable[[Float[Array, "*shape"], NoiseLevel], Float[Array, "*shape"]]
"""`f(x, level)` for one point."""


class FromFunction(AbstractDenoiser):
    """The score of a denoiser: `function(x, level)` returns E[x_0 | x]; the score follows by Tweedie's identity."""

    function: PointFunction

    def denoise(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """The function's value."""
        x = as_point(x)
        return jnp.asarray(self.function(x, cast_level(level, x.dtype)), x.dtype)


class FromNoisePrediction(AbstractNoisePredictor):
    """The score of a noise prediction eps(x, level) = E[z | x]: `score = -eps / sigma`, `D = (x - sigma eps) / alpha`.

    At alpha = 0 the noise does not determine the mean: `denoise` is an error there, also when traced.
    """

    function: PointFunction

    def noise(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """The function's value."""
        x = as_point(x)
        return jnp.asarray(self.function(x, cast_level(level, x.dtype)), x.dtype)


class FromVelocity(AbstractScore):
    """The score of a velocity `v = alpha' D + sigma' eps`, the drift of the probability flow of `process`.

    With x = alpha D + sigma eps: `D = (sigma' x - sigma v) / (alpha sigma' - alpha' sigma)` and
    `eps = (alpha v - alpha' x) / (alpha sigma' - alpha' sigma)`; the denominator is positive at every level, alpha = 0
    included. The rates alpha' and sigma' are those of the time at which the process has this sigma/alpha; the level
    must be one of the process.
    """

    function: PointFunction
    process: ProcessLike

    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """`(sigma' x - sigma v) / (alpha sigma' - alpha' sigma)` and `(alpha v - alpha' x) / (...)`."""
        x = as_point(x)
        alpha, sigma = level = cast_level(level, x.dtype)
        ratio = jnp.where(alpha == 0, jnp.inf, sigma / jnp.where(alpha == 0, 1, alpha))
        rate = cast_rate(self.process.rate(self.process.time_at(ratio)), x.dtype)
        v = jnp.asarray(self.function(x, level), x.dtype)
        turn = alpha * rate.sigma - rate.alpha * sigma
        return Evaluation((rate.sigma * x - sigma * v) / turn, (alpha * v - rate.alpha * x) / turn)


class FromHost(AbstractDenoiser):
    """The score of a denoiser outside JAX (NumPy, PyTorch): `function(x, alpha, sigma) -> D` on batches.

    `function` takes x (b, *shape), alpha (b,) and sigma (b,) as NumPy arrays and returns (b, *shape). It is called with
    b = 1, or once for a whole batch under `jax.vmap`. It has no derivative: differentiating raises TypeError.
    """

    function: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]

    def denoise(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """One call on the host."""
        x = as_point(x)
        alpha, sigma = cast_level(level, x.dtype)
        return _host_call(self.function, x, alpha, sigma)


@eqx.filter_jit
def _host_call(function, x, alpha, sigma):
    @jax.custom_jvp
    def call(x, alpha, sigma):
        shape = jax.ShapeDtypeStruct((1, *x.shape), x.dtype)
        one = (x[None], alpha[None], sigma[None])
        return jax.pure_callback(host, shape, *one, vmap_method="broadcast_all")[0]

    def host(x, alpha, sigma):
        batch, shape = x.shape[: -point_rank - 1], x.shape[-point_rank - 1 :]
        flat = np.asarray(x).reshape(-1, *shape[1:])
        out = np.asarray(function(flat, np.asarray(alpha).reshape(-1), np.asarray(sigma).reshape(-1)))
        if out.shape != flat.shape:
            raise ValueError(f"the function of `FromHost` must return shape {flat.shape}, but returned {out.shape}.")
        return out.reshape(*batch, *shape).astype(x.dtype)

    point_rank = x.ndim

    @call.defjvp
    def _(primals, tangents):
        raise TypeError("a score from the host has no derivative; use a JAX function with `FromFunction`.")

    return call(x, alpha, sigma)
