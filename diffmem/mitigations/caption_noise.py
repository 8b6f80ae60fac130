"""Gaussian noise on prompt embeddings: those of the training captions, or the prompt at sampling time."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..annotations import Numbers, RandomKey, Scalar
from ..checks import check_nonnegative
from ..level import float_dtype, strong


def caption_noise(embeddings: Numbers, std: Scalar, key: RandomKey) -> Float[Array, "..."]:
    """`e + std z` with z ~ N(0, I): one prompt (k,), or the captions (n, k) of a training set, each with its own noise.

    Duplicates of an image whose captions are equal no longer share one caption, so that a prompt meets them one by one
    (training time); a prompt no longer names its record exactly (sampling time). For the exact score of records with
    smoothed labels, `scores.PromptedEmpirical` of width h, noise on the prompt turns the mean weight of a record into
    that of width sqrt(h^2 + std^2), before normalisation (derived).

    Quality: the prompt is followed less, by as much as the width grows; little is gained while `std` is below h.
    `std` >= 0 is in units of the embedding's coordinates. Raises ValueError for a negative one. Source: Somepalli et
    al., arXiv:2305.20086.
    """
    check_nonnegative("std", std)
    embeddings = jnp.asarray(embeddings)
    dtype = float_dtype(embeddings)
    embeddings, std = strong(embeddings, dtype), strong(std, dtype)
    return embeddings + std * jax.random.normal(key, embeddings.shape, dtype)
