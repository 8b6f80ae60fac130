"""The Gaussian equivalent of random features: the same second moments with Gaussian numbers for what is nonlinear.

It is what the theory solves in the limit of large d; here for one draw of W, the points and the Gaussian numbers.
"""

import math
from collections.abc import Iterator

import jax
import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray, Real

from ...level import NoiseLevel
from ...theory import ActivationMoments, activation_moments
from .feature_fit import FeatureModes, check_level
from .feature_moments import Activation, FeatureMoments, check_layers, gaussian_numbers, in_double

ROWS = 1024  # features drawn together
RANK = 1e-12  # eigenvalues of the low-rank part below this share of the largest are rounding


def equivalent_modes(
    first: Real[ArrayLike, "p d"],
    points: Real[ArrayLike, "n d"],
    level: NoiseLevel,
    activation: Activation = jax.lax.tanh,
    *,
    key: PRNGKeyArray,
) -> FeatureModes:
    """Modes of the Gaussian equivalent of features seen under all noise of n points:

        U = G G^T/n + b^2 W W^T/d + s^2 I,    G = a alpha W X/sqrt(d) + v Omega,    V = b W/sqrt(d)
        U_pop = a^2 Gamma^2 W W^T/d + (v^2 + s^2) I,                               V_pop = a Gamma W/sqrt(d),

    Omega (p, n) standard normal. U - s^2 I has rank n + d, so one decomposition of that size gives all that V sees:
    p may be far larger than n + d. The rows of W and the points are standard normal in the theory.

    Cost: p (n + d)^2 products and an eigendecomposition of size min(p, n + d); memory O((n + d)^2) when p is larger.
    Raises ValueError where `level` has sigma = 0, shapes do not fit, or the activation has a mean.
    Source: Bonnaire et al., arXiv:2505.17638; George, Veiga, Macris, arXiv:2502.00336.
    """
    alpha, sigma = check_level(level)
    first, points = check_layers(first, points)
    (p, d), n = first.shape, len(points)
    split = _split(alpha, sigma, activation)
    blocks = _factor(first, points, alpha, sigma, split, key)
    if p > n + d:
        gram = np.zeros((n + d, n + d))
        for block in blocks:
            gram += block.T @ block
        eigenvalues, vectors = np.linalg.eigh(gram)
        # of V = the last d columns of the factor, in the eigenbasis of U
        response = np.sqrt(np.abs(eigenvalues))[:, None] * vectors[n:].T
    else:
        factor = np.concatenate(list(blocks))
        eigenvalues, vectors = np.linalg.eigh(factor @ factor.T)
        response = vectors.T @ factor[:, n:]
    real = eigenvalues > RANK * eigenvalues[-1]
    eigenvalues, response = eigenvalues[real], response[real]
    gain, between = math.hypot(alpha, sigma) / sigma, response @ response.T
    strength = np.diagonal(between) / d
    everyone = split.nonlinear * np.eye(len(between)) + gain**2 * between
    eigenvalues = split.floor + eigenvalues
    return FeatureModes(
        eigenvalues, strength, gain * strength, between * everyone / d, NoiseLevel(alpha, sigma), p / d, 1.0
    )


def equivalent_feature_moments(
    first: Real[ArrayLike, "p d"],
    points: Real[ArrayLike, "n d"],
    level: NoiseLevel,
    activation: Activation = jax.lax.tanh,
    *,
    key: PRNGKeyArray,
) -> FeatureMoments:
    """U and V of the Gaussian equivalent in full, with the same key the same as in `equivalent_modes`.

    p - n - d eigenvalues of U are s^2. Cost p^2 (n + d). Raises ValueError as `equivalent_modes`.
    """
    alpha, sigma = check_level(level)
    first, points = check_layers(first, points)
    split = _split(alpha, sigma, activation)
    factor = np.concatenate(list(_factor(first, points, alpha, sigma, split, key)))
    second = factor @ factor.T + split.floor * np.eye(len(first))
    return FeatureMoments(second, factor[:, len(points) :], sigma)


def _factor(first, points, alpha: float, sigma: float, split: ActivationMoments, key) -> Iterator[np.ndarray]:
    """Rows of B, U = B B^T + s^2 I: [G/sqrt(n), b W/sqrt(d)]."""
    n, d = points.shape
    linear = split.slope * alpha * points.T / math.sqrt(d * n)
    for i in range(0, len(first), ROWS):
        rows = first[i : i + ROWS]
        random = math.sqrt(split.conditional / n) * gaussian_numbers(jax.random.fold_in(key, i), (len(rows), n))
        yield np.hstack([rows @ linear + random, split.slope * sigma / math.sqrt(d) * rows])


def _split(alpha: float, sigma: float, activation: Activation) -> ActivationMoments:
    """The constants of a feature of unit rows."""
    return activation_moments(NoiseLevel(alpha, sigma), lambda values: in_double(activation, values))
