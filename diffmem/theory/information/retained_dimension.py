"""The dimension of the posterior of x_0 given x, from the eigenvalues of its covariance C.

The arguments are eigenvalues of `(alpha^2/sigma^2) C(x)`, which is alpha times the Jacobian of the denoiser. For
Gaussian data they are L_k snr/(1 + L_k snr), between 0 and 1: near 1 the data vary along a direction far more than the
noise, near 0 far less.
"""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from ...checks import as_values
from ...level import float_dtype, strong


def retained_dimension(eigenvalues: Float[ArrayLike, "*queries d"]) -> Float[Array, "*queries"]:
    """Number of eigenvalues of `(alpha^2/sigma^2) C` above 1/2: the directions that the data keep at this noise.

    For Gaussian data it is the number of L_k above sigma^2/alpha^2. It is 0 where one training point holds all weight.
    Source: Achilli et al., arXiv:2410.08727, who read it from the spectrum of the score; the threshold 1/2: derived.
    """
    eigenvalues = as_values("eigenvalues", eigenvalues)
    values = strong(eigenvalues, float_dtype(eigenvalues))
    return jnp.sum(values > 0.5, axis=-1).astype(values.dtype)


def participation_dimension(eigenvalues: Float[ArrayLike, "*queries d"]) -> Float[Array, "*queries"]:
    """Participation ratio `(sum_k l_k)^2/sum_k l_k^2` of eigenvalues l_k: m where m of them are equal and the others 0.

    It does not depend on their scale: for a posterior covariance it stays above 0 after collapse. 0 where all are 0.
    Source: the participation ratio of localisation theory, as a definition.
    """
    eigenvalues = as_values("eigenvalues", eigenvalues)
    values = strong(eigenvalues, float_dtype(eigenvalues))
    largest = jnp.max(jnp.abs(values), axis=-1, keepdims=True)
    # divided by the largest, so that no square underflows
    scaled = values / jnp.where(largest > 0, largest, 1)
    squares = jnp.sum(scaled**2, axis=-1)
    return jnp.sum(scaled, axis=-1) ** 2 / jnp.where(squares > 0, squares, 1)
