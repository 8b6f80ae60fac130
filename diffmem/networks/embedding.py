"""The noise level and a label as inputs of a network."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..annotations import RandomKey

Label = Int[Array, ""] | Float[Array, "width"] | None
"""A class, a vector in its place, or no condition."""

PAIRS = 4  # of sine and cosine
SIZE = 1 + 2 * PAIRS  # numbers of features of the noise level


def fourier_features(noise: Float[Array, ""]) -> Float[Array, "9"]:
    """The noise level as `noise / 4` and sines and cosines of `noise / 4, noise / 2, noise, 2 noise`.

    `noise` is log(sigma/alpha), which spans some ten units: the slowest wave does not repeat, and the fastest tells
    levels apart that differ by a third. Smooth in the level.
    """
    angles = noise * jnp.asarray([2.0**k for k in range(-2, PAIRS - 2)], noise.dtype)
    return jnp.concatenate([noise[None] / 4, jnp.sin(angles), jnp.cos(angles)])


class Context(eqx.Module):
    """The inputs of a network other than x: features of the noise level and, for `labels` > 0, a vector of the label.

    The vectors of the labels are learned. Without a label (None, or a negative number) the vector is zero: the
    unconditional answer. A label may also be a vector of its own, (width,), as a prompt embedding is.
    """

    label_vectors: eqx.nn.Embedding | None
    size: int = eqx.field(static=True)

    def __init__(self, labels: int, width: int, *, key: RandomKey):
        if labels < 0:
            raise ValueError(f"`labels` must be at least 0, but is {labels}.")
        self.label_vectors = eqx.nn.Embedding(labels, width, key=key) if labels else None
        self.size = SIZE + (width if labels else 0)

    def __call__(self, noise: Float[Array, ""], label: Label) -> Float[Array, "..."]:
        """The features of the noise level, followed by the vector of the label."""
        features = fourier_features(noise)
        if self.label_vectors is None:
            if label is not None:
                raise ValueError("`labels` must be the number of classes for a network that is given one, but is 0.")
            return features
        width = self.size - SIZE
        if label is None:
            vector = jnp.zeros(width, noise.dtype)
        elif jnp.issubdtype(label.dtype, jnp.floating):
            vector = label
        else:
            vector = jnp.where(label < 0, 0, self.label_vectors(jnp.maximum(label, 0)))
        return jnp.concatenate([features, vector.astype(noise.dtype)])
