"""What an error of x_0 counts at each noise level: the weight of `|D - x_0|^2` in a loss."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..checks import number
from ..level import NoiseLevel
from ..theory import noise_loss_weight

Weight = Callable[[NoiseLevel], Float[Array, ""]]
"""`weight(level)`."""


def flat(level: NoiseLevel) -> Float[Array, ""]:
    """1: the loss of the data."""
    return jnp.ones_like(level.sigma)


noise = noise_loss_weight
"""`alpha^2/sigma^2`: the loss of the noise prediction, `|eps - z|^2`."""


class EDM(eqx.Module):
    """`(alpha^2 data_std^2 + sigma^2) / (sigma data_std)^2`: the plain loss of the answer of a `Preconditioned`
    network, of order 1 at every level.

    Source: Karras et al., arXiv:2206.00364, table 1, for any alpha.
    """

    data_std: float = eqx.field(converter=number("data_std"))

    def __call__(self, level: NoiseLevel) -> Float[Array, ""]:
        """The weight at this level."""
        return 1 / self.data_std**2 + noise(level)
