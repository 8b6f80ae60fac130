"""Scores from any callable: a denoiser, a noise prediction, a velocity, or a function on the host."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..annotations import Point
from ..checks import check_callable, check_kind
from ..level import NoiseLevel, ProcessLike, cast_level, cast_rate
from .base import AbstractDenoiser, AbstractNoisePredictor, AbstractScore, Evaluation, as_point, mean_of, noise_of

PointFunction = Callable[[Float[Array, "*shape"], NoiseLevel], Float[Array, "*shape"]]
"""`f(x, level)` for one point."""
ACCEPTS = "of one point and its level, (x, level)"


class FromFunction(AbstractDenoiser):
    """The score of a denoiser: `function(x, level)` returns E[x_0 | x]; the score follows by Tweedie's identity."""

    function: PointFunction

    def __check_init__(self):
        check_callable("function", self.function, ACCEPTS)

    def denoise(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """The function's value."""
        x = as_point(x)
        return jnp.asarray(self.function(x, cast_level(level, x.dtype)), x.dtype)


class FromNoisePrediction(AbstractNoisePredictor):
    """The score of a noise prediction eps(x, level) = E[z | x]: `score = -eps / sigma`, `D = (x - sigma eps) / alpha`.

    At alpha = 0 the noise does not determine the mean: `denoise` is an error there, also when traced.
    """

    function: PointFunction

    def __check_init__(self):
        check_callable("function", self.function, ACCEPTS)

    def noise(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """The function's value."""
        x = as_point(x)
        return jnp.asarray(self.function(x, cast_level(level, x.dtype)), x.dtype)


class FromVelocity(AbstractScore):
    """The score of a velocity `v = alpha' D + sigma' eps`, the drift of the probability flow of `process`.

    With x = alpha D + sigma eps: `D = (sigma' x - sigma v) / (alpha sigma' - alpha' sigma)` and
    `eps = (alpha v - alpha' x) / (alpha sigma' - alpha' sigma)`; the denominator is positive at every level, alpha = 0
    included. A level that `process` does not have is brought to the one of its levels that has the same sigma/alpha,
    with x scaled alike, which changes neither D nor eps: `function(x, level)` sees levels of its own process only.
    """

    function: PointFunction
    process: ProcessLike

    def __check_init__(self):
        check_callable("function", self.function, ACCEPTS)
        check_kind("process", self.process, ProcessLike, "a process, such as processes.FlowMatching()")

    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """`(sigma' x - sigma v) / (alpha sigma' - alpha' sigma)` and `(alpha v - alpha' x) / (...)`."""
        x = as_point(x)
        given = cast_level(level, x.dtype)
        clean = given.alpha == 0
        time = self.process.time_at(jnp.where(clean, jnp.inf, given.sigma / jnp.where(clean, 1, given.alpha)))
        (alpha, sigma), rate = (
            cast_rate(part, x.dtype) for part in (self.process.level(time), self.process.rate(time))
        )
        # time_at is exact up to rounding, and so are the levels of the process itself
        scale = jnp.where(given.sigma > given.alpha, sigma / _or_one(given.sigma), alpha / _or_one(given.alpha))
        own = jnp.abs(scale - 1) <= 64 * jnp.finfo(x.dtype).eps
        alpha, sigma = (jnp.where(own, theirs, ours) for theirs, ours in zip(given, (alpha, sigma)))
        x = jnp.where(own, x, scale * x)
        v = jnp.asarray(self.function(x, NoiseLevel(alpha, sigma)), x.dtype)
        turn = alpha * rate.sigma - rate.alpha * sigma
        return Evaluation((rate.sigma * x - sigma * v) / turn, (alpha * v - rate.alpha * x) / turn)


PREDICTS = "x0", "noise", "v"
"""What a network may answer with: D, the noise, or `v = alpha noise - sigma D`."""


class FromHost(AbstractScore):
    """The score of a function outside JAX (NumPy, PyTorch): `function(x, alpha, sigma) -> answer` on batches.

    `function` takes x (b, *shape), alpha (b,) and sigma (b,) as NumPy arrays and returns (b, *shape): `predicts` says
    what. "x0" is the denoiser E[x_0 | x], "noise" is E[z | x] (epsilon prediction), which has no mean at alpha = 0, and
    "v" is `alpha noise - sigma D` (Salimans and Ho, arXiv:2202.00512). It is called with b = 1, or once for a whole
    batch under `jax.vmap`. It has no derivative: differentiating raises TypeError. Raises ValueError for another value
    of `predicts`.
    """

    function: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    predicts: str = eqx.field(static=True, default="x0")

    def __check_init__(self):
        check_callable("function", self.function, "of batches (x, alpha, sigma)")
        if self.predicts not in PREDICTS:
            raise ValueError(f"`predicts` must be 'x0', 'noise' or 'v', but is {self.predicts!r}.")

    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """Mean and noise from one call on the host."""
        answer = self._answer(x, level)
        if self.predicts == "x0":
            return Evaluation(answer, noise_of(answer, x, level))
        if self.predicts == "noise":
            return Evaluation(mean_of(answer, x, level), answer)
        x, (alpha, sigma) = as_point(x), cast_level(level, answer.dtype)
        square = alpha**2 + sigma**2
        return Evaluation((alpha * x - sigma * answer) / square, (sigma * x + alpha * answer) / square)

    def noise(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """The noise alone, which a noise prediction has also at alpha = 0, where it has no mean."""
        return self._answer(x, level) if self.predicts == "noise" else self.evaluate(x, level).noise

    def _answer(self, x, level):
        x = as_point(x)
        return _host_call(self.function, x, *cast_level(level, x.dtype))


def _or_one(value):
    return jnp.where(value == 0, 1, value)


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
