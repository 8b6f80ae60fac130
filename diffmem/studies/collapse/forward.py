"""The exact posterior at noisy training points: how far its weights have condensed, and whether D is a copy."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ...annotations import RandomKey
from ...batches import equal_batches
from ...data.indexed_draws import indexed_normals
from ...level import NoiseLevel, cast_level
from ...metrics import memorization
from ...processes import AbstractProcess
from ...scores import AbstractScore, Empirical

BATCH = 1024  # queries at once, which bounds the memory


class Watched(NamedTuple):
    """Statistics of the posterior weights, and whether D is a copy, for each time and query."""

    participation: Float[np.ndarray, "nodes queries"]
    entropy: Float[np.ndarray, "nodes queries"]
    own_weight: Float[np.ndarray, "nodes queries"]
    leader_weight: Float[np.ndarray, "nodes queries"]
    memorized: Bool[np.ndarray, "nodes queries"]


def watch_forward(
    score: Empirical,
    train: Float[np.ndarray, "n d"],
    process: AbstractProcess,
    times: Float[np.ndarray, "nodes"],
    queries: int,
    *,
    key: RandomKey,
    denoiser: AbstractScore | None = None,
    owner: Int[np.ndarray, "rows"] | None = None,
) -> Watched:
    """Forward samples `x = alpha y_i + sigma z` of the training points in turn, each with one z at all times.

    `denoiser` is the score whose D is compared with the training points, by default `score` itself. `train` are the
    first n points of the score, those with weight: the distinct points. `owner` says for each row of the training set
    which of them it is; query q is of row q modulo their number, and its z depends on key and q alone. Cost: nodes x
    queries posterior passes and nearest-neighbour searches, 1024 queries at a time.
    """
    level = process.level(jnp.asarray(times))
    batches = []
    owner = np.arange(len(train)) if owner is None else owner
    for query, keep in equal_batches(queries, BATCH):
        own = jnp.asarray(owner[query % len(owner)])
        found, denoised = _watch(score, denoiser, own, level, key, jnp.asarray(query))
        means = np.asarray(denoised)[:, :keep].reshape(-1, train.shape[1])
        copied = memorization(means, train, compare_ranges=False).copied
        statistics = [np.asarray(part, float)[:, :keep] for part in found]
        batches.append((*statistics, copied.reshape(len(times), keep)))
    return Watched(*(np.concatenate(part, axis=1) for part in zip(*batches)))


@eqx.filter_jit
def _watch(score: Empirical, denoiser: AbstractScore | None, index, level: NoiseLevel, key, query):
    points = score.points
    dtype = points.dtype
    z = indexed_normals(key, query, points.shape[1:], dtype)

    def at(level):
        return jax.vmap(lambda i, z: _statistics(score, denoiser, points, i, z, level))(index, z)

    return jax.lax.map(at, cast_level(level, dtype))


def _statistics(score: Empirical, denoiser, points: Float[Array, "n d"], i, z, level: NoiseLevel):
    alpha, sigma = level
    y, prior = points[i], score.prior()
    x = alpha * y + sigma * z
    posterior = score.posterior(x, level)
    # the own weight is that of the leader times exp(-gap of energies); as z is known, it needs no second pass
    away = y - points[posterior.leader]
    snr = (alpha / sigma) ** 2
    gap = snr * jnp.sum(away**2) / 2 + jnp.sqrt(snr) * jnp.sum(away * z)
    own = posterior.leader_weight * jnp.exp(gap) * prior[i] / prior[posterior.leader]
    mean = posterior.mean if denoiser is None else denoiser.denoise(x, level)
    return (posterior.participation, posterior.entropy, own, posterior.leader_weight), mean
