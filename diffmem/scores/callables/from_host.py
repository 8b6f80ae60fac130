"""The score of a network outside JAX: NumPy, PyTorch, or anything that answers on the host."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...annotations import Point
from ...checks import check_callable
from ...level import NoiseLevel, ProcessLike, cast_level
from ..base import AbstractScore, Evaluation, as_point, mean_of, noise_of
from .from_callable import at_own_level, from_velocity
from .host_call import HostFunction, host_call

PREDICTS = "x0", "noise", "v", "velocity"
"""What a network may answer with: D, the noise, `v = alpha noise - sigma D`, or the drift of the probability flow."""

ROWS = 128  # of the Jacobian at a time


class FromHost(AbstractScore):
    """The score of a function outside JAX (NumPy, PyTorch): `function(x, alpha, sigma) -> answer` on batches.

    `function` takes x (b, *shape), alpha (b,) and sigma (b,) as NumPy arrays and returns (b, *shape). It is called with
    b = 1, or once for a whole batch under `jax.vmap`. `predicts` says what it returns:

        "x0"        the denoiser D = E[x_0 | x]
        "noise"     E[z | x] (epsilon prediction), which has no mean at alpha = 0
        "v"         `alpha noise - sigma D` (Salimans and Ho, arXiv:2202.00512), at levels of any alpha and sigma
        "velocity"  `alpha' D + sigma' noise`, the drift of the probability flow of `process`; without one that of flow
                    matching, `noise - D`, whose time is t = sigma (a network whose time runs from noise to data and
                    which answers D - noise is `lambda x, alpha, sigma: -network(x, alpha)`)

    `process` is the one that the function was trained with: a level that it does not have is brought to the one of its
    levels with the same sigma/alpha, as in `FromVelocity`. Without one the function sees every level as it is asked for
    (velocities those of flow matching).

    `vjp(x, alpha, sigma, u)`, on the same batches, is u times the Jacobian of the function's answer in x: with it the
    score has gradients and divergences (in PyTorch: `torch.func.vjp`). `jvp(x, alpha, sigma, u)`, the Jacobian times u,
    makes forward derivatives faster, which cost d calls of `vjp` without it. Differentiating without `vjp`, twice, or
    in the level raises TypeError. Raises ValueError for another value of `predicts`, for answers of another shape than
    x, and for `jvp` alone.
    """

    function: HostFunction
    predicts: str = eqx.field(static=True, default="x0")
    process: ProcessLike | None = None
    vjp: HostFunction | None = None
    jvp: HostFunction | None = None

    def __check_init__(self):
        check_callable("function", self.function, "of batches (x, alpha, sigma)", 3)
        for name, derivative in (("vjp", self.vjp), ("jvp", self.jvp)):
            if derivative is not None:
                check_callable(name, derivative, "of batches (x, alpha, sigma, u)", 4)
        if self.predicts not in PREDICTS:
            raise ValueError(f"`predicts` must be 'x0', 'noise', 'v' or 'velocity', but is {self.predicts!r}.")
        if self.vjp is None and self.jvp is not None:
            raise ValueError("`jvp` must come with `vjp`, which is None.")

    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """Mean and noise from one call on the host."""
        answer, x, level, rate = self._answer(x, level)
        if self.predicts == "x0":
            return Evaluation(answer, noise_of(answer, x, level))
        if self.predicts == "noise":
            return Evaluation(mean_of(answer, x, level), answer)
        if self.predicts == "velocity":
            return Evaluation(*from_velocity(answer, x, level, rate))
        alpha, sigma = level
        square = alpha**2 + sigma**2
        return Evaluation((alpha * x - sigma * answer) / square, (sigma * x + alpha * answer) / square)

    def noise(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """The noise alone, which a noise prediction has also at alpha = 0, where it has no mean."""
        return self._answer(x, level)[0] if self.predicts == "noise" else self.evaluate(x, level).noise

    def divergence(self, x: Point, level: NoiseLevel) -> Float[Array, ""]:
        """The exact trace of the Jacobian of the score, by d calls of `vjp` in batches of 128; TypeError without it."""
        x = as_point(x)
        pull = jax.vjp(lambda x: self.score(x, level), x)[1]

        def entry(i):
            return pull(jnp.zeros(x.size, x.dtype).at[i].set(1).reshape(x.shape))[0].ravel()[i]

        return jnp.sum(jax.lax.map(entry, jnp.arange(x.size), batch_size=min(ROWS, x.size)))

    def _answer(self, x, level):
        """The function's answer, and x, level and rate as the function saw them."""
        x = as_point(x)
        level, rate = cast_level(level, x.dtype), None
        if self.process is not None or self.predicts == "velocity":
            x, level, rate = at_own_level(self.process, x, level)
        return host_call(self.function, self.vjp, self.jvp, x, *level), x, level, rate
