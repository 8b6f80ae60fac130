"""The score of a network."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int, Real

from ..level import NoiseLevel, cast_level
from .base import AbstractScore, Evaluation, as_point
from .parametrisation import AbstractPrediction

Network = Callable[..., Float[Array, "*shape"]]
"""`network(x, noise)`, or `network(x, noise, label)` where there is a label, with `noise = log(sigma / alpha)`."""


class Learned(AbstractScore):
    """A network as a score: `D = skip x + out F(x / spread, log(sigma/alpha), label)`, with the parts of `prediction`.

    `network` is any callable for one point that is a pytree of its weights: those of `diffmem.networks`, a user's
    Equinox module, or another library's through a small module that holds the weights (`training` shows one). It is
    called in the precision of its own weights and answers in that of x.

    `ratios` are the smallest and largest sigma/alpha that the network is told of: beyond them, sigma = 0 and alpha = 0
    included, it sees the nearest, while `prediction` goes on with the true level. Give those of the training.

    `label` is the condition, an integer (None: unconditional); `conditioned(label)` changes it.

    Cost: one call of the network. Floating arrays in it are trained by
    `training.fit`; numbers and integers are not.
    Raises ValueError unless 0 < ratios[0] < ratios[1], and where the network's answer has another shape than x.
    """

    network: Network
    prediction: AbstractPrediction
    label: Int[Array, ""] | None
    ratios: tuple[float, float] = eqx.field(static=True)

    def __init__(
        self,
        network: Network,
        prediction: AbstractPrediction,
        label: Int[ArrayLike, ""] | None = None,
        ratios: tuple[float, float] = (0.002, 80.0),
    ):
        if not 0 < ratios[0] < ratios[1]:
            raise ValueError(f"`ratios` must be two rising positive numbers, but is {ratios}.")
        self.network, self.prediction = network, prediction
        self.label = None if label is None else jnp.asarray(label)
        self.ratios = (float(ratios[0]), float(ratios[1]))

    def evaluate(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Evaluation:
        """`skip x + out F` and `a x + b F`, which is no difference of D and x: both keep the digits that F has."""
        x, level = as_point(x), cast_level(level, as_point(x).dtype)
        answer = self._answer(x, level)
        mean, noise = (part(x, answer, level) for part in (self.prediction.denoise, self.prediction.noise))
        return Evaluation(mean, noise)

    def noise(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Float[Array, "*shape"]:
        """`a x + b F`, also where there is no mean (a noise prediction at alpha = 0)."""
        x, level = as_point(x), cast_level(level, as_point(x).dtype)
        return self.prediction.noise(x, self._answer(x, level), level)

    def conditioned(self, label: Int[ArrayLike, ""] | None) -> "Learned":
        """The same network asked for another label."""
        return Learned(self.network, self.prediction, label, self.ratios)

    def _answer(self, x, level):
        smallest, largest = self.ratios
        alpha, sigma = level
        # sigma <= ratio alpha without a division by alpha = 0
        seen = jnp.where(sigma >= largest * alpha, largest, sigma / jnp.where(alpha == 0, 1, alpha))
        noise = jnp.log(jnp.maximum(seen, smallest))
        dtype = _weights_dtype(self.network, x.dtype)
        inputs = self.prediction.scaled(x, level).astype(dtype), noise.astype(dtype)
        answer = self.network(*inputs) if self.label is None else self.network(*inputs, self.label)
        if answer.shape != x.shape:
            raise ValueError(f"`network` must answer with the shape {x.shape} of x, but answered with {answer.shape}.")
        return answer.astype(x.dtype)


def _weights_dtype(network: Network, default):
    """The precision of a network's first floating array; the point's own where there is none."""
    found = [leaf.dtype for leaf in jax.tree.leaves(network) if eqx.is_inexact_array(leaf)]
    return found[0] if found else default
