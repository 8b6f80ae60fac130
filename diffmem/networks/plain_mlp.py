"""A multilayer perceptron without skip connections; noise level and label are inputs of the first layer only."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..annotations import RandomKey
from ..checks import check_count, check_key
from ..representation import one_line
from .embedding import Context, Label


class PlainMLP(eqx.Module):
    """`h_1 = silu(W_1 [x, c])`, `h_k = silu(W_k h_{k-1})`, output `W h_depth`, for x of any shape.

    c are the Fourier features of the noise level, with a learned vector of the label (`label_width` numbers) where
    `labels` > 0. All that the network knows of the label passes through every layer, unlike in `ResidualMLP`.

    `size` is the number of coordinates of x. Cost of one point: about width (2 size + (depth - 1) width)
    multiplications. Raises ValueError for sizes below 1.
    """

    context: Context
    hidden: tuple[eqx.nn.Linear, ...]
    last: eqx.nn.Linear

    __repr__ = one_line

    def __init__(
        self,
        size: int,
        width: int = 128,
        depth: int = 2,
        *,
        labels: int = 0,
        label_width: int = 32,
        key: RandomKey,
    ):
        for name, value in {"size": size, "width": width, "depth": depth, "label_width": label_width}.items():
            check_count(name, value)
        check_key(key)
        first, last, *keys = jax.random.split(key, depth + 2)
        self.context = Context(labels, label_width, key=first)
        inputs = [size + self.context.size] + [width] * (depth - 1)
        self.hidden = tuple(eqx.nn.Linear(n, width, key=k) for n, k in zip(inputs, keys))
        self.last = eqx.nn.Linear(width, size, key=last)

    def __call__(
        self, x: Float[Array, "*shape"], noise: Float[Array, ""], label: Label = None
    ) -> Float[Array, "*shape"]:
        """The network's output, in the shape of x."""
        h = jnp.concatenate([x.ravel(), self.context(noise, label)])
        for layer in self.hidden:
            h = jax.nn.silu(layer(h))
        return self.last(h).reshape(x.shape)
