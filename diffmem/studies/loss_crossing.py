"""Training losses of denoisers that know some of the points, or the population, and where the two losses cross."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..annotations import RandomKey
from ..level import NoiseLevel
from ..metrics import denoising_loss
from ..scores import AbstractScore, Empirical


def excess_losses(
    population: AbstractScore,
    train: Float[Array, "n d"],
    shares: Float[np.ndarray, "shares"],
    levels: Sequence[NoiseLevel],
    *,
    key: RandomKey,
    draws: int = 1,
) -> tuple[Float[np.ndarray, "levels"], Float[np.ndarray, "shares levels"]]:
    """Training losses of x_0 per coordinate, less that of the empirical score, which is the smallest possible.

    First the loss of the population's score; then those of the empirical scores of a random share M/n of the points,
    where a larger share contains a smaller one. All scores see equal noise at all levels, so that the differences are
    theirs alone. Cost: (shares + 2) x levels evaluations of n x draws points.
    """
    order_key, noise_key = jax.random.split(key)
    n, d = train.shape
    rank = jax.random.permutation(order_key, n)

    def curve(score):
        found = [denoising_loss(score, train, level, key=noise_key, draws=draws) for level in levels]
        return np.array([float(one.value) for one in found]) / d

    def knowing(share):
        # so few points need no streaming, and dense sums compile faster
        return Empirical(train, jnp.asarray(rank < round(share * n), train.dtype))

    memorizing = curve(knowing(1.0))
    partial = np.array([curve(knowing(float(share))) for share in shares])
    return curve(population) - memorizing, partial - memorizing


def crossing_share(
    shares: Float[np.ndarray, "shares"],
    generalizing: Float[np.ndarray, "levels"],
    partial: Float[np.ndarray, "shares levels"],
) -> float:
    """M/n at which the mean loss over levels of knowing M points falls to that of knowing the population.

    By linear interpolation between rising shares; the first or the last share where the losses do not cross.
    """
    return float(np.interp(0.0, generalizing.mean() - partial.mean(axis=1), shares))
