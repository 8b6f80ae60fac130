"""Data on a hidden manifold: points in many dimensions that depend on few latent coordinates."""

from collections.abc import Callable

import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, ArrayLike, Float

from ..annotations import RandomKey
from ..checks import check_count
from .dataset import Dataset
from .indexed_draws import draw_each


def saturate(u: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """`tanh(1.5 u)`."""
    return jnp.tanh(1.5 * u)


def hidden_manifold(
    n: int,
    d: int,
    latent: int,
    *,
    key: RandomKey,
    features: Float[ArrayLike, "d latent"] | None = None,
    g: Callable = saturate,
) -> Dataset:
    """n points `y = g(F c / sqrt D)` in d dimensions, with latent coordinates c ~ N(0, I_D), D = `latent`.

    `features` is the matrix F, which fixes the manifold; without it F is iid N(0, 1) from its own subkey. For several
    draws on one manifold pass the same `features=jr.normal(manifold_key, (d, latent))` with several keys. g acts entry
    by entry, in JAX. Point i depends on key and i only, F on key, d and D. Cost: n d D products.
    Raises ValueError if F has the wrong shape.
    Source: Goldt, Mezard, Krzakala and Zdeborova, arXiv:1909.11500; for diffusion models Achilli et al.,
    arXiv:2502.09578.
    """
    for name, size in (("n", n), ("d", d), ("latent", latent)):
        check_count(name, size)
    manifold_key, points_key = jr.split(key)
    drawn = jr.normal(manifold_key, (d, latent))
    matrix = drawn if features is None else jnp.asarray(features, drawn.dtype)
    if matrix.shape != (d, latent):
        raise ValueError(f"`features` must have shape ({d}, {latent}), but has {matrix.shape}.")

    def draw(key):
        return g(jnp.matmul(matrix, jr.normal(key, (latent,)), precision="highest") / latent**0.5)

    return Dataset(draw_each(draw, n, points_key), name="hidden manifold")
