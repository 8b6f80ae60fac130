"""The score of a network."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int

from ..annotations import Point
from ..checks import check_callable, check_kind
from ..level import NoiseLevel, cast_level
from .base import AbstractScore, Evaluation, as_point
from .parametrisation import AbstractPrediction, c_noise

Network = Callable[..., Float[Array, "*shape"]]
"""`network(x, noise)`, or `network(x, noise, label)` where there is a label, with `noise = log(sigma / alpha)`."""


class Learned(AbstractScore):
    """A network F as a score: `D = c_skip x + c_out F(c_in x, c_noise, label)`, with the coefficients of `prediction`.

    `network` is any callable for one point that is a pytree of its weights: those of `diffmem.networks`, a user's
    Equinox module, or another library's in a small module (`training` shows one). It is called as `network(c_in x,
    c_noise)`, `c_noise = log(sigma/alpha)`, in the precision of its own weights; its answer is converted to that of x.

    `ratios` are the smallest and largest sigma/alpha of its training. Beyond them, at sigma = 0 and alpha = 0 too, the
    network is told the nearest of the two, while the coefficients of `prediction` are those of the true level.

    `label` is the condition: an integer, a vector (a prompt embedding) where the network takes one, or None for the
    unconditional answer; `conditioned(label)` changes it.

    Cost: one call of the network. Floating arrays in it are trained by `training.fit`; numbers and integers are not.
    Raises ValueError unless 0 < ratios[0] < ratios[1], and where the network's answer has another shape than x.
    """

    network: Network
    prediction: AbstractPrediction
    label: Int[Array, ""] | Float[Array, "..."] | None
    ratios: tuple[float, float] = eqx.field(static=True)

    def __init__(
        self,
        network: Network,
        prediction: AbstractPrediction,
        label: Int[ArrayLike, ""] | Float[ArrayLike, "..."] | None = None,
        ratios: tuple[float, float] = (0.002, 80.0),
    ):
        check_callable("network", network, "of one point and its noise, (x, noise) or (x, noise, label)")
        check_kind("prediction", prediction, AbstractPrediction, "a prediction, such as predictions.Signal(1.0)")
        if not 0 < ratios[0] < ratios[1]:
            raise ValueError(f"`ratios` must be two rising positive numbers, but is {ratios}.")
        self.network, self.prediction = network, prediction
        self.label = None if label is None else jnp.asarray(label)
        self.ratios = (float(ratios[0]), float(ratios[1]))

    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """D and the noise, each a sum of x and F, so that both keep the digits that F has."""
        x, level = as_point(x), cast_level(level, as_point(x).dtype)
        answer = self._answer(x, level)
        mean, noise = (part(x, answer, level) for part in (self.prediction.denoise, self.prediction.noise))
        return Evaluation(mean, noise)

    def noise(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """The noise alone, which a noise prediction has also at alpha = 0, where it has no mean."""
        x, level = as_point(x), cast_level(level, as_point(x).dtype)
        return self.prediction.noise(x, self._answer(x, level), level)

    def conditioned(self, label: Int[ArrayLike, ""] | Float[ArrayLike, "..."] | None) -> "Learned":
        """The same network asked for another label."""
        return Learned(self.network, self.prediction, label, self.ratios)

    def _answer(self, x, level):
        dtype = _weights_dtype(self.network, x.dtype)
        inputs = (self.prediction.c_in(level) * x).astype(dtype), c_noise(level, *self.ratios).astype(dtype)
        answer = self.network(*inputs) if self.label is None else self.network(*inputs, self.label)
        if answer.shape != x.shape:
            raise ValueError(f"`network` must answer with the shape {x.shape} of x, but answered with {answer.shape}.")
        return answer.astype(x.dtype)


def _weights_dtype(network: Network, default):
    """The precision of a network's first floating array; the point's own where there is none."""
    found = [leaf.dtype for leaf in jax.tree.leaves(network) if eqx.is_inexact_array(leaf)]
    return found[0] if found else default
