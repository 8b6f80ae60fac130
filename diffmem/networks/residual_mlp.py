"""A multilayer perceptron with residual hidden layers; the noise level is an input of every hidden layer."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..annotations import RandomKey
from ..checks import check_count, check_key
from ..representation import one_line
from .embedding import Context, Label


class ResidualMLP(eqx.Module):
    """`h_1 = silu(W_1 [x, c])`, `h_k = h_{k-1} + silu(W_k [h_{k-1}, c])`, output `W h_depth`, for x of any shape.

    c are the Fourier features of the noise level, with a learned vector of the label (`label_width` numbers) where
    `labels` > 0. Only the first `active` hidden units are in use, the others are masked to 0: networks of several
    widths then have one structure, and `training.fit_many` trains them at once. Weights start uniform within
    1/sqrt(inputs in use).

    `size` is the number of coordinates of x. Cost of one point: about 2 width (size + depth width) multiplications.
    Raises ValueError for sizes below 1 and `active` outside [1, width].
    """

    context: Context
    hidden: tuple[eqx.nn.Linear, ...]
    last: eqx.nn.Linear
    active: Int[Array, ""]

    __repr__ = one_line

    def __init__(
        self,
        size: int,
        width: int = 128,
        depth: int = 2,
        *,
        active: int | None = None,
        labels: int = 0,
        label_width: int = 32,
        key: RandomKey,
    ):
        active = width if active is None else active
        for name, value in {"size": size, "width": width, "depth": depth, "label_width": label_width}.items():
            check_count(name, value)
        if not 1 <= active <= width:
            raise ValueError(f"`active` must be from 1 to the width {width}, but is {active}.")
        check_key(key)
        first, *keys = jax.random.split(key, depth + 2)
        self.context = Context(labels, label_width, key=first)
        inputs = [size + self.context.size] + [width + self.context.size] * (depth - 1)
        unused = [0] + [width - active] * (depth - 1)
        layers = [_linear(*sizes, key=k) for sizes, k in zip(zip(inputs, [width] * depth, unused), keys)]
        self.hidden = tuple(layers)
        self.last = _linear(width, size, width - active, key=keys[-1])
        self.active = jnp.asarray(active)

    def __call__(
        self, x: Float[Array, "*shape"], noise: Float[Array, ""], label: Label = None
    ) -> Float[Array, "*shape"]:
        """The network's output, in the shape of x."""
        context = self.context(noise, label)
        used = jnp.arange(self.last.in_features) < self.active
        first, *others = self.hidden
        h = jnp.where(used, jax.nn.silu(first(jnp.concatenate([x.ravel(), context]))), 0)
        for layer in others:
            h = h + jnp.where(used, jax.nn.silu(layer(jnp.concatenate([h, context]))), 0)
        return self.last(h).reshape(x.shape)


def _linear(inputs: int, outputs: int, unused: int, *, key: RandomKey) -> eqx.nn.Linear:
    """A layer whose initial weights are scaled to the number of inputs in use."""
    layer = eqx.nn.Linear(inputs, outputs, key=key)
    gain = (inputs / (inputs - unused)) ** 0.5
    return jax.tree.map(lambda part: gain * part, layer)
