"""Distillation of a teacher's flow into a one-step map: a consistency function, and a plain regression.

Measuring the memorization of consistency functions is suggested by Jiang and Zou, arXiv:2604.23552, by another method.
"""

from collections.abc import Callable
from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..annotations import Numbers, Points, RandomKey
from ..checks import as_values, check_key, number
from ..level import NoiseLevel
from ..representation import one_line
from ..scores import AbstractScore
from ..scores.base import as_point
from .levels import AbstractLevels
from .objective import AbstractObjective


class ConsistencyFunction(eqx.Module):
    """A map from the state x at any noise sigma to the state at `lowest` on the same path of the flow (alpha = 1):

        f(x, sigma) = c_skip x + c_out F(c_in x, log sigma),     r = sigma - lowest,
        c_skip = data_std^2/(r^2 + data_std^2),   c_out = data_std r / sqrt(data_std^2 + sigma^2),
        c_in = 1/sqrt(data_std^2 + sigma^2),

    so that f(x, lowest) = x exactly. `network` F is as in `scores.Learned`. The map is not a denoiser: for the training
    loop, which trains scores, wrap it as `scores.FromFunction(ConsistencyFunction(...))`.

    Raises ValueError unless `data_std` and `lowest` are positive.
    Source: Song, Dhariwal, Chen, Sutskever, arXiv:2303.01469, appendix C.
    """

    network: Callable
    data_std: float = eqx.field(converter=number("data_std"))
    lowest: float = eqx.field(converter=number("lowest"))

    __repr__ = one_line

    def __check_init__(self):
        for name in ("data_std", "lowest"):
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"`{name}` must be positive, but is {value}.")

    def __call__(self, x: Float[Array, "*shape"], level: NoiseLevel) -> Float[Array, "*shape"]:
        """f(x, sigma), the state at `lowest`; for alpha other than 1, f(x/alpha, sigma/alpha)."""
        sigma = level.sigma / level.alpha
        x, r, c_in = x / level.alpha, sigma - self.lowest, 1 / jnp.hypot(sigma, self.data_std)
        c_skip, c_out = self.data_std**2 / (r**2 + self.data_std**2), self.data_std * r * c_in
        return c_skip * x + c_out * self.network(c_in * x, jnp.log(sigma))


class ConsistencyDistillation(AbstractObjective):
    """The loss `|f(x, sigma) - f(x', sigma')|^2 / d`, which makes f constant along the flow of a `teacher` (alpha = 1).

    Here x = x_0 + sigma z, sigma' = max(ratio sigma, lowest), and x' is the teacher's state at sigma', by one step of
    Heun's method from x. The second term is a target: it is taken from the current network (no running mean) and not
    differentiated. As f is the identity at `lowest`, it comes to map each state to the end of its path.

    `levels` should run from above `lowest` to the noise where generation starts. It is an objective for `training.fit`
    of `scores.FromFunction(ConsistencyFunction(...))`. Cost: two calls of the teacher, one of f, one gradient.

    Raises ValueError unless 0 < ratio < 1 and `lowest` is positive.
    Source: Song, Dhariwal, Chen, Sutskever, arXiv:2303.01469, algorithm 2; targets from the current network: Song and
    Dhariwal, arXiv:2310.14189.
    """

    teacher: AbstractScore
    levels: AbstractLevels
    ratio: float = eqx.field(converter=number("ratio"))
    lowest: float = eqx.field(converter=number("lowest"))
    draws: int = 1
    antithetic: bool = False

    def __check_init__(self):
        if not 0 < self.ratio < 1:
            raise ValueError(f"`ratio` must lie between 0 and 1, but is {self.ratio}.")
        if not self.lowest > 0:
            raise ValueError(f"`lowest` must be positive, but is {self.lowest}.")

    def at(
        self, score: AbstractScore, datum: Float[Array, "*shape"], level: NoiseLevel, z: Float[Array, "*shape"]
    ) -> Float[Array, ""]:
        """The loss at one level and noise."""
        x = datum + level.sigma * z
        after = NoiseLevel(level.alpha, jnp.maximum(self.ratio * level.sigma, self.lowest))
        target = score.denoise(jax.lax.stop_gradient(_heun(self.teacher, x, level, after)), after)
        return jnp.mean((score.denoise(x, level) - jax.lax.stop_gradient(target)) ** 2)


class EndPointRegression(AbstractObjective):
    """The loss `|f(start, sigma) - end|^2 / d` of pairs (start, end) of states on one path of the teacher's flow.

    A datum is such a pair; `start` is at the one level of `levels`, a `Fixed`. It learns the one-step map of
    consistency distillation by least squares, as a control.
    """

    levels: AbstractLevels
    draws: int = 1
    antithetic: bool = False

    def at(
        self,
        score: AbstractScore,
        datum: tuple[Float[Array, "*shape"], Float[Array, "*shape"]],
        level: NoiseLevel,
        z: Float[Array, "*shape"],
    ) -> Float[Array, ""]:
        """The loss of one pair; z is not used."""
        start, end = datum
        return jnp.mean((score.denoise(start, level) - end) ** 2)


def few_steps(
    score: AbstractScore, start: Points, sigmas: Numbers, lowest: float, *, key: RandomKey
) -> Float[Array, "count *shape"]:
    """Samples of a consistency function by one evaluation for each of the falling `sigmas`.

    `score` is the consistency function wrapped in `scores.FromFunction`, `start` are states at sigmas[0]. Between two
    evaluations the state at `lowest` is noised to the next sigma: `x + sqrt(sigma^2 - lowest^2) z`. Sample i depends on
    its start, key and i. Raises ValueError where a sigma is below `lowest` or above the one before. Source: Song,
    Dhariwal, Chen, Sutskever, arXiv:2303.01469, algorithm 1.
    """
    levels = tuple(map(float, np.ravel(as_values("sigmas", sigmas))))
    check_key(key)
    if not levels or not min(levels) >= lowest:
        raise ValueError(f"`sigmas` must be at least `lowest`, {lowest}, but are {levels}.")
    if any(after >= now for now, after in pairwise(levels)):
        raise ValueError(f"`sigmas` must fall from step to step, but are {levels}.")
    return _few_steps(score, as_point(start), levels, float(lowest), key)


@eqx.filter_jit
def _few_steps(score, start, sigmas, lowest, key):
    def one(i, x):
        for k, sigma in enumerate(sigmas):
            if k:
                z = jax.random.normal(jax.random.fold_in(jax.random.fold_in(key, i), k), x.shape, x.dtype)
                x = x + (sigma**2 - lowest**2) ** 0.5 * z
            x = score.denoise(x, NoiseLevel(jnp.ones((), x.dtype), jnp.asarray(sigma, x.dtype)))
        return x

    return jax.vmap(one)(jnp.arange(len(start)), start)


def _heun(score: AbstractScore, x, now: NoiseLevel, after: NoiseLevel):
    """dx/dsigma = (x - D)/sigma at alpha = 1, by the trapezoidal rule on an Euler step."""
    step = after.sigma - now.sigma
    slope = (x - score.denoise(x, now)) / now.sigma
    guess = x + step * slope
    return x + step * (slope + (guess - score.denoise(guess, after)) / after.sigma) / 2
