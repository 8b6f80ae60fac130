"""The denoising loss, which training minimises: how well a denoiser recovers points from their noisy versions."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..annotations import Points, RandomKey
from ..batches import in_pieces
from ..checks import as_values, check_count, check_kind
from ..level import NoiseLevel, cast_level, float_dtype, strong
from ..scores import AbstractScore
from ..theory import Estimate

BATCH = 256  # queries at once, which bounds the memory of scores that hold batch x n numbers


def denoising_loss(
    score: AbstractScore,
    points: Points,
    level: NoiseLevel,
    *,
    key: RandomKey,
    draws: int = 1,
) -> Estimate:
    """The denoising loss `|D(alpha y_i + sigma z) - y_i|^2`, mean over points y_i and noise z, with its standard error.

    The square is summed over coordinates, in squared data units. On the training points this is the training loss for
    the target x_0 at this level, which the `Empirical` score minimises; times `theory.noise_loss_weight` or
    `theory.score_loss_weight` it is the loss for the target noise or score. The z of point i depends on key and i only,
    so that equal keys compare scores and levels on equal noise.

    A `level` of arrays (levels,), such as `process.level(times)`, gives a loss and an error for each, on equal noise.

    The error is that of the mean over the law of the points, from the spread over points (each averaged over its
    `draws` of z). Cost: n x draws denoiser evaluations, 256 at a time; compiled once for each structure of
    score and shape.

    Raises ValueError for fewer than 2 points and `draws` below 1.
    """
    check_kind("score", score, AbstractScore, "a score, such as scores.Empirical(points)")
    points = as_values("points", points)
    points = strong(points, float_dtype(points))
    if points.ndim == 0 or len(points) < 2:
        raise ValueError(f"`points` must hold at least 2 points, but has shape {points.shape}.")
    check_count("draws", draws)
    level = NoiseLevel(*jnp.broadcast_arrays(*cast_level(level, points.dtype)))
    if level.alpha.ndim > 1:
        raise ValueError(f"`level` must hold numbers or arrays (levels,), but has shape {level.alpha.shape}.")
    losses = _losses(score, points, level, key, draws)
    return Estimate(losses.mean(axis=-1), losses.std(axis=-1, ddof=1) / len(points) ** 0.5)


@eqx.filter_jit
def _losses(score, points: Float[Array, "n *shape"], level: NoiseLevel, key: RandomKey, draws: int):
    """The loss of each point, averaged over its draws, at each level."""
    if level.alpha.ndim:
        return jax.lax.map(lambda one: _losses(score, points, NoiseLevel(*one), key, draws), tuple(level))
    alpha, sigma = level

    def one(query):
        i, j = query // draws, query % draws
        y = points[i]
        z = jax.random.normal(jax.random.fold_in(jax.random.fold_in(key, i), j), y.shape, y.dtype)
        return jnp.sum((score.denoise(alpha * y + sigma * z, level) - y) ** 2)

    losses = in_pieces(lambda _, queries: jax.vmap(one)(queries), BATCH, None, jnp.arange(len(points) * draws))
    return losses.reshape(-1, draws).mean(axis=1)
