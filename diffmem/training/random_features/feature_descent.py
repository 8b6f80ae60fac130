"""Gradient descent on random features in discrete steps, with fresh noise in each."""

import math
from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import ArrayLike, Float, Real

from ...annotations import RandomKey
from ...level import NoiseLevel
from .feature_fit import check_level
from .feature_moments import Activation, check_layers, gaussian_numbers, in_double


def descend_random_features(
    first: Real[ArrayLike, "p d"],
    points: Real[ArrayLike, "n d"],
    level: NoiseLevel,
    times: Sequence[float],
    step: float,
    activation: Activation = jax.lax.tanh,
    *,
    key: RandomKey,
) -> list[Float[np.ndarray, "d p"]]:
    """The weights A at training times, by full-batch gradient descent from A = 0 with one fresh noise a point and step.

    `step` is that of the training time tau of `FeatureModes.flow`, which is its limit: A falls by
    `2 step (d/p) sqrt(p) sigma E (sigma s + xi) f^T`. Each time is rounded to whole steps. Stable for
    `step < psi_p/(sigma^2 l)`, l the largest eigenvalue of U.

    Cost: one pass over the points for each step. Host float64.
    Raises ValueError where `step` is not positive or a time is negative, and as `fit_random_features`.
    Source: the training of Bonnaire et al., arXiv:2505.17638, with a fresh noise in each step for the mean over it.
    """
    alpha, sigma = check_level(level)
    first, points = check_layers(first, points)
    if not (0 < step < math.inf and all(0 <= time < math.inf for time in times)):
        raise ValueError(f"`step` must be positive and `times` at least 0, but are {step} and {times}.")
    (p, d), n = first.shape, len(points)
    ends = [round(time / step) for time in times]
    second, found = np.zeros((d, p)), {0: np.zeros((d, p))}
    for i in range(max(ends, default=0)):
        noise = gaussian_numbers(jax.random.fold_in(key, i), (n, d))
        features = in_double(activation, (alpha * points + sigma * noise) @ first.T / math.sqrt(d)) / math.sqrt(p)
        second -= 2 * step * d * sigma / n * (sigma * features @ second.T + noise).T @ features
        if i + 1 in ends:
            found[i + 1] = second.copy()
    return [found[end] for end in ends]
