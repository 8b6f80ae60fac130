"""A small U-Net for images of 8 x 8 to 32 x 32."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..annotations import RandomKey
from ..checks import check_key, check_whole_numbers
from ..representation import one_line
from .embedding import Context, Label


class UNet(eqx.Module):
    """A U-Net: residual convolutions at halving image sizes and back, with skip connections between equal sizes.

    `shape` is (rows, columns) or (channels, rows, columns); x comes in that shape or flat, and the answer has its
    shape. The noise level is an input of every block. `channels` are the widths at each size, largest image first:
    (16, 32) are those of the image and of its half. There is one block at each size on the way down, and one on the way
    up. Cost: some 10^6 multiplications for 8 x 8 and (16, 32).

    Raises ValueError for a shape that cannot be halved that often, and for numbers below 1.
    """

    context: Context
    first: eqx.nn.Conv2d
    down: tuple["_Block", ...]
    up: tuple["_Block", ...]
    last: eqx.nn.Conv2d
    shape: tuple[int, int, int] = eqx.field(static=True)

    __repr__ = one_line

    def __init__(
        self,
        shape: tuple[int, ...],
        channels: tuple[int, ...] = (16, 32),
        *,
        labels: int = 0,
        key: RandomKey,
    ):
        self.shape = _image_shape(shape, channels)
        check_key(key)
        keys = iter(jax.random.split(key, 2 * len(channels) + 3))
        self.context = Context(labels, 32, key=next(keys))
        self.first = eqx.nn.Conv2d(self.shape[0], channels[0], 3, padding=1, key=next(keys))
        before = (channels[0], *channels[:-1])
        self.down = tuple(_Block(a, b, self.context.size, key=next(keys)) for a, b in zip(before, channels))
        across = tuple(zip(channels[::-1], channels[-2::-1]))
        self.up = tuple(_Block(a + b, b, self.context.size, key=next(keys)) for a, b in across)
        self.last = eqx.nn.Conv2d(channels[0], self.shape[0], 3, padding=1, key=next(keys))

    def __call__(
        self, x: Float[Array, "*shape"], noise: Float[Array, ""], label: Label = None
    ) -> Float[Array, "*shape"]:
        """The network's output, in the shape of x."""
        context = self.context(noise, label)
        h, kept = self.first(x.reshape(self.shape)), []
        for i, block in enumerate(self.down):
            h = block(_halved(h) if i else h, context)
            kept.append(h)
        for block, across in zip(self.up, kept[-2::-1]):
            h = block(jnp.concatenate([_doubled(h), across]), context)
        return self.last(jax.nn.silu(h)).reshape(x.shape)


class _Block(eqx.Module):
    """`skip(h) + conv(silu(norm(conv(silu(norm(h)))) scaled and shifted by the context))`."""

    norms: tuple[eqx.nn.GroupNorm, eqx.nn.GroupNorm]
    convolutions: tuple[eqx.nn.Conv2d, eqx.nn.Conv2d]
    shift: eqx.nn.Linear
    skip: eqx.nn.Conv2d

    def __init__(self, inputs: int, outputs: int, context: int, *, key: RandomKey):
        a, b, c, d = jax.random.split(key, 4)
        self.norms = (_norm(inputs), _norm(outputs))
        self.convolutions = (
            eqx.nn.Conv2d(inputs, outputs, 3, padding=1, key=a),
            eqx.nn.Conv2d(outputs, outputs, 3, padding=1, key=b),
        )
        self.shift = eqx.nn.Linear(context, 2 * outputs, key=c)
        self.skip = eqx.nn.Conv2d(inputs, outputs, 1, key=d)

    def __call__(
        self, h: Float[Array, "c rows columns"], context: Float[Array, " k"]
    ) -> Float[Array, "o rows columns"]:
        """The block's output, of as many pixels."""
        scale, shift = jnp.split(self.shift(context)[:, None, None], 2)
        inner = self.norms[1](self.convolutions[0](jax.nn.silu(self.norms[0](h))))
        return self.skip(h) + self.convolutions[1](jax.nn.silu((1 + scale) * inner + shift))


def _norm(channels: int) -> eqx.nn.GroupNorm:
    return eqx.nn.GroupNorm(next(k for k in (8, 4, 2, 1) if channels % k == 0), channels)


def _halved(h: Float[Array, "c rows columns"]) -> Float[Array, "c half_rows half_columns"]:
    c, rows, columns = h.shape
    return h.reshape(c, rows // 2, 2, columns // 2, 2).mean((2, 4))


def _doubled(h: Float[Array, "c rows columns"]) -> Float[Array, "c twice_rows twice_columns"]:
    return jnp.repeat(jnp.repeat(h, 2, axis=1), 2, axis=2)


def _image_shape(shape: tuple[int, ...], channels: tuple[int, ...]) -> tuple[int, int, int]:
    """(channels, rows, columns); raises ValueError for shapes that the network cannot halve."""
    check_whole_numbers("shape", shape)
    check_whole_numbers("channels", channels)
    if len(shape) not in (2, 3) or min(shape) < 1:
        raise ValueError(f"`shape` must be (rows, columns) or (channels, rows, columns), but is {shape}.")
    if not channels or min(channels) < 1:
        raise ValueError(f"`channels` must hold at least one number of at least 1, but is {channels}.")
    factor = 2 ** (len(channels) - 1)
    if shape[-1] % factor or shape[-2] % factor:
        raise ValueError(f"`shape` must have rows and columns divisible by {factor}, but is {shape}.")
    return (1, *shape) if len(shape) == 2 else (shape[0], shape[1], shape[2])
