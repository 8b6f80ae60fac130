"""How many directions a noisy state leaves open: the dimension of the posterior, from eigenvalues of its covariance.

The arguments are eigenvalues of `(alpha^2/sigma^2) C(x)`, which is alpha times the Jacobian of the denoiser: in [0, 1]
for Gaussian data, L_k snr/(1 + L_k snr). Near 1 a direction lies in the data and is free, near 0 it is fixed.
"""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from ...level import float_dtype, strong


def retained_dimension(eigenvalues: Float[ArrayLike, "*queries d"]) -> Float[Array, "*queries"]:
    """Number of eigenvalues of `(alpha^2/sigma^2) C` above 1/2: directions along which the posterior is wider than what
    the noise alone fixes.

    For Gaussian data the number of L_k above sigma^2/alpha^2; 0 once a single training point is left.
    Source: the probe of Achilli et al., arXiv:2410.08727, as a threshold (derived).
    """
    values = strong(eigenvalues, float_dtype(eigenvalues))
    return jnp.sum(values > 0.5, axis=-1).astype(values.dtype)


def participation_dimension(eigenvalues: Float[ArrayLike, "*queries d"]) -> Float[Array, "*queries"]:
    """`(sum_k l_k)^2/sum_k l_k^2` of the eigenvalues of the posterior covariance: k where k of them are equal.

    It does not see how large they are, so that it stays above 0 after collapse; 0 where all are 0.
    """
    values = strong(eigenvalues, float_dtype(eigenvalues))
    largest = jnp.max(jnp.abs(values), axis=-1, keepdims=True)
    # relative to the largest one, so that no square underflows
    scaled = values / jnp.where(largest > 0, largest, 1)
    squares = jnp.sum(scaled**2, axis=-1)
    return jnp.sum(scaled, axis=-1) ** 2 / jnp.where(squares > 0, squares, 1)
