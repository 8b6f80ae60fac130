"""Exact denoisers between copying and generalizing: every training point widened to a Gaussian."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from ... import metrics, scores
from ...training import ScoreMatching

PROJECTIONS = 128  # random directions of a sliced Wasserstein distance


def widened(train: Float[ArrayLike, "n d"], variance: float) -> scores.GaussianMixture:
    """The denoiser of `sum_i N(y_i, variance I)/n`; variance 0 is the empirical one, which copies."""
    train = np.asarray(train)
    return scores.GaussianMixture(np.ones(len(train)), train, np.full(len(train), variance))


def widened_distances(
    train: Float[ArrayLike, "n d"],
    test: Float[ArrayLike, "m d"],
    variances: Float[np.ndarray, " k"],
    *,
    sample_key: PRNGKeyArray,
    direction_key: PRNGKeyArray,
) -> Float[np.ndarray, "3 k"]:
    """Share of copies (d1/d2 < 1/3), sliced Wasserstein distance to `train` and to `test`, for each variance.

    n samples are exact draws of each member's end law. Chosen training points, noise and the directions of distances
    are the same for all variances, so that differences along the family have little noise.
    """
    train, found = jnp.asarray(train), []
    options = {"key": direction_key, "projections": PROJECTIONS}
    for variance in variances:
        samples = np.asarray(drawn(train, math.sqrt(variance), sample_key))
        distances = [metrics.sliced_wasserstein(samples, points, **options).value for points in (train, test)]
        found.append([metrics.memorization(samples, train).fraction, *distances])
    return np.array(found).T


def widened_losses(
    train: Float[ArrayLike, "n d"],
    variances: Float[np.ndarray, " k"],
    objective: ScoreMatching,
    *,
    key: PRNGKeyArray,
    levels: int,
    points: int,
) -> Float[np.ndarray, " k"]:
    """Training loss of each member over that of the first one: `E weight(level) |D(alpha y + sigma z) - y|^2`.

    The mean over `levels` noise levels, which divide the objective's law in equal shares, and over the first `points`
    of the training points, with equal noise for all members. At variance 0 the loss is its exact minimum.
    """
    at = [objective.levels.at(jnp.asarray((i + 0.5) / levels)) for i in range(levels)]
    keys, judged = jax.random.split(key, levels), np.asarray(train)[:points]

    def loss(score, level, key):
        return float(objective.weight(level)) * float(metrics.denoising_loss(score, judged, level, key=key).value)

    total = [sum(loss(widened(train, v), level, k) for level, k in zip(at, keys)) for v in variances]
    return np.array(total) / total[0]


@jax.jit
def drawn(centres: Float[Array, "n d"], spread: Float[ArrayLike, ""], key: PRNGKeyArray) -> Float[Array, "n d"]:
    """n points around randomly chosen centres; equal keys choose the same centres and the same noise."""
    which, noise = jax.random.split(key)
    chosen = centres[jax.random.randint(which, (len(centres),), 0, len(centres))]
    return chosen + spread * jax.random.normal(noise, chosen.shape, chosen.dtype)
