"""Scores from any JAX callable: a denoiser, a noise prediction or a velocity."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from ...annotations import Point
from ...checks import as_values, check_callable, check_kind, is_concrete
from ...level import NoiseLevel, ProcessLike, cast_level, cast_rate, strong
from ..base import AbstractDenoiser, AbstractNoisePredictor, AbstractScore, Evaluation, as_point, or_one

PointFunction = Callable[[Float[Array, "*shape"], NoiseLevel], Float[ArrayLike, "*shape"]]
"""`f(x, level)` for one point."""


ACCEPTS = "of one point and its level, (x, level), in JAX (others go to `FromHost`)"
NO_LEVELS = frozenset({"t", "time", "times", "timestep", "timesteps", "sigma", "sigmas", "alpha"})
"""Names of a second argument that is a number: such a function was written for another library, and is wrapped."""


class FromFunction(AbstractDenoiser):
    """The score of a denoiser: `function(x, level)` returns E[x_0 | x]; the score follows by Tweedie's identity."""

    function: PointFunction

    def __check_init__(self):
        check_callable("function", self.function, ACCEPTS, 2, NO_LEVELS)

    def denoise(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """The function's value."""
        x = as_point(x)
        return answer(self.function, x, cast_level(level, x.dtype))


class FromNoisePrediction(AbstractNoisePredictor):
    """The score of a noise prediction eps(x, level) = E[z | x]: `score = -eps / sigma`, `D = (x - sigma eps) / alpha`.
    At alpha = 0 `denoise` is an error, also when traced.
    """

    function: PointFunction

    def __check_init__(self):
        check_callable("function", self.function, ACCEPTS, 2, NO_LEVELS)

    def noise(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """The function's value."""
        x = as_point(x)
        return answer(self.function, x, cast_level(level, x.dtype))


class FromVelocity(AbstractScore):
    """The score of a velocity `v = alpha' D + sigma' eps`, the drift of the probability flow of `process`.

    With x = alpha D + sigma eps: `D = (sigma' x - sigma v) / (alpha sigma' - alpha' sigma)` and
    `eps = (alpha v - alpha' x) / (alpha sigma' - alpha' sigma)`; the denominator is positive at every level that
    `process` reaches, alpha = 0 included. At sigma = 0, where sigma' is infinite for OU and VP and 0 for VE, they are
    x/alpha and 0. At alpha = 0, which EDM, OU, VE and VP never reach, D is not determined: an error, and NaN when
    traced. A level that `process` does not have is brought to the one of its levels that has the same sigma/alpha, with
    x scaled alike, which changes neither D nor eps: `function(x, level)` sees levels of its own process only.
    """

    function: PointFunction
    process: ProcessLike

    def __check_init__(self):
        check_callable("function", self.function, ACCEPTS, 2, NO_LEVELS)
        check_kind("process", self.process, ProcessLike, "a process, such as processes.FlowMatching()")

    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """`(sigma' x - sigma v) / (alpha sigma' - alpha' sigma)` and `(alpha v - alpha' x) / (...)`."""
        x = as_point(x)
        x, level, rate = at_own_level(self.process, x, cast_level(level, x.dtype))
        return Evaluation(*from_velocity(answer(self.function, x, level), x, level, rate))


def answer(function: PointFunction, x: Float[Array, "*shape"], level: NoiseLevel) -> Float[Array, "*shape"]:
    """`function(x, level)` in the dtype of x; raises ValueError for another shape than that of x."""
    value = as_values("function(x, level)", function(x, level))
    if jnp.shape(value) != x.shape:
        raise ValueError(f"`function` must answer in the shape of x, {x.shape}, but answers in {jnp.shape(value)}.")
    return strong(value, x.dtype)


def from_velocity(v: Float[Array, "*shape"], x: Float[Array, "*shape"], level: NoiseLevel, rate: NoiseLevel):
    """D and noise of v: `(sigma' x - sigma v) / (alpha sigma' - alpha' sigma)` and `(alpha v - alpha' x) / (...)`.

    Raises ValueError where the denominator is known and not positive: the process only tends to such a level.
    """
    # divided by sigma' where that is infinite; where it is 0, at the end of VE, v is 0 as well
    end = jnp.isinf(rate.sigma) | ((level.sigma == 0) & (rate.sigma == 0))
    rate = NoiseLevel(jnp.where(end, 0, rate.alpha), jnp.where(end, 1, rate.sigma))
    v = jnp.where(end, 0, v)
    turn = level.alpha * rate.sigma - rate.alpha * level.sigma
    known = jnp.isfinite(level.sigma) & (turn > 0)
    if is_concrete(known) and not bool(known):
        raise ValueError(
            "`level` must have a ratio sigma/alpha that the process of the velocity reaches, "
            "but the process only tends to this one."
        )
    return (rate.sigma * x - level.sigma * v) / turn, (level.alpha * v - rate.alpha * x) / turn


def at_own_level(process: ProcessLike | None, x: Float[Array, "*shape"], given: NoiseLevel):
    """x, level and rate where `process` has the sigma/alpha of `given`; flow matching, alpha + sigma = 1, if None.

    A level of the process itself is left as it is, up to the rounding of `time_at`.
    """
    if process is None:
        total = given.alpha + given.sigma
        one = jnp.ones((), x.dtype)
        return x / total, NoiseLevel(given.alpha / total, given.sigma / total), NoiseLevel(-one, one)
    clean = given.alpha == 0
    time = process.time_at(jnp.where(clean, jnp.inf, given.sigma / jnp.where(clean, 1, given.alpha)))
    (alpha, sigma), rate = (cast_rate(part, x.dtype) for part in (process.level(time), process.rate(time)))
    scale = jnp.where(given.sigma > given.alpha, sigma / or_one(given.sigma), alpha / or_one(given.alpha))
    own = jnp.abs(scale - 1) <= 64 * jnp.finfo(x.dtype).eps
    alpha, sigma = (jnp.where(own, theirs, ours) for theirs, ours in zip(given, (alpha, sigma)))
    return jnp.where(own, x, scale * x), NoiseLevel(alpha, sigma), rate
