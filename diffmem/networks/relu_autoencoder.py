"""The two-layer ReLU autoencoder, whose units can be read one by one."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ..level import NoiseLevel


class ReLUAutoencoder(eqx.Module):
    """`W_2 relu(W_1^T x)` without biases, for vectors x of `size` coordinates; W_1, W_2 are (size, width), free of each
    other.

    It does not see the noise level: it is a denoiser of one level, and `scores.FromFunction(autoencoder)` the score of
    it. Both matrices start Gaussian with standard deviation `scale / sqrt(size)`.

    Source: the model of Zhang et al., arXiv:2512.20963. Raises ValueError for sizes below 1.
    """

    encoder: Float[Array, "size width"]
    decoder: Float[Array, "size width"]

    def __init__(self, size: int, width: int, *, scale: float = 0.3, key: PRNGKeyArray):
        for name, value in {"size": size, "width": width}.items():
            if value < 1:
                raise ValueError(f"`{name}` must be at least 1, but is {value}.")
        self.encoder, self.decoder = scale * size**-0.5 * jax.random.normal(key, (2, size, width))

    def code(self, x: Float[Array, " size"]) -> Float[Array, " width"]:
        """relu(W_1^T x): what each unit says of x."""
        return jax.nn.relu(x @ self.encoder)

    def __call__(
        self, x: Float[Array, " size"], noise: Float[Array, ""] | NoiseLevel | None = None
    ) -> Float[Array, " size"]:
        """W_2 relu(W_1^T x), at any noise level."""
        return jnp.dot(self.decoder, self.code(x))
