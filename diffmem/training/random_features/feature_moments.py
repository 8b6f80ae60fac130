"""Second moments of random features under noise, from which a least-squares fit follows.

They are computed on the host in float64; the activation is a JAX function, as in `RandomFeatures`.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Real

from ...annotations import RandomKey
from ...checks import check_count, check_finite
from ...level import NoiseLevel
from ...representation import one_line

NODES, RANGE = 161, 11.0  # of the trapezoidal rule over one noise; beyond the range lies 1e-13 of every term
STEEP, STEEPEST = 2.0, 250.0  # up to the first width these nodes resolve tanh; more are taken up to the second
TERMS = 24  # largest number of terms in the expansion in correlations of two noises
ENOUGH = 1e-13  # an expansion ends where its rest is below this share of the largest second moment
BLOCK = 256  # points expanded together
SLAB = 1 << 15  # features expanded together
CHUNK = 1 << 15  # numbers that JAX handles at once: one compilation serves all shapes

Activation = Callable[[Array], Array]


class FeatureMoments(NamedTuple):
    """Moments of features f = f(W x_t/sqrt(d)), x_t = alpha x_0 + sigma xi, over points and noise."""

    second: Float[np.ndarray, "p p"]
    """U = E f f^T."""
    cross: Float[np.ndarray, "p d"]
    """V = E f xi^T."""
    sigma: float
    power: float = 1.0
    """`E|xi|^2/d`, which is 1 for all noise and near 1 for a few draws."""

    __repr__ = one_line

    def loss(self, second: Float[np.ndarray, "d p"]) -> float:
        """Loss per dimension `E|sigma s + xi|^2/d` of s = A f/sqrt(p), A = `second`, whatever A is.

        `power + (sigma^2/(d p)) Tr A U A^T + (2 sigma/(d sqrt(p))) Tr A V`.
        """
        d, p = second.shape
        quadratic = self.sigma**2 * np.vdot(second @ self.second, second) / p
        return self.power + float(quadratic + 2 * self.sigma * np.vdot(second.T, self.cross) / math.sqrt(p)) / d


def exact_feature_moments(
    first: Real[ArrayLike, "p d"],
    points: Real[ArrayLike, "n d"],
    level: NoiseLevel,
    activation: Activation = jax.lax.tanh,
) -> FeatureMoments:
    """Moments over all noise of n points, in closed form.

    Rows i, j of W see the noise with standard deviations w_i = sigma |W_i|/sqrt(d) and correlation c_ij, so

        U_ij = mean over points of sum_k c_ij^k F_k(h_i) F_k(h_j),   F_k(h_i) = E f(h_i + w_i u) He_k(u)/sqrt(k!)

    (Mehler's formula), h = alpha W x/sqrt(d), with the diagonal by quadrature, and V_i = F_1 W_i/|W_i|. One point at 0
    with (alpha, sigma) = (1, Gamma) gives the moments of the population N(0, I).

    Accuracy: what 24 terms leave is at most |c|^24 times the variance beyond them, for tanh and |c| < .8 at most 4e-9
    at w = 1, 2e-6 at w = 2 and 5e-4 at any w; two parallel rows of W are off by that variance. The diagonal and V are
    exact to 1e-11 for activations no steeper than tanh: write tanh(10 h) as tanh of 10 W. Cost: 24 products of (p, n)
    by (n, p), a second for p = 1000, n = 200; the quadrature costs more in proportion to the largest w beyond 2.
    Raises ValueError where shapes do not fit, a row of W is 0, or w exceeds 250.
    Source: derived.
    """
    first, points = check_layers(first, points)
    alpha, sigma = (float(part) for part in level)
    p, d = first.shape
    length = np.linalg.norm(first, axis=1)
    direction = first / length[:, None]
    correlation, width = direction @ direction.T, sigma * length / math.sqrt(d)
    if not width.max() <= STEEPEST:
        words = f"at most {STEEPEST:g}, which the quadrature resolves, but it is {width.max():.4g}"
        raise ValueError(f"`level` must have sigma |W_i|/sqrt(d) of {words}.")
    largest = np.abs(correlation - np.diag(np.diag(correlation))).max()
    second, diagonal, linear = np.zeros((p, p)), np.zeros(p), np.zeros(p)
    for start in range(0, len(points), BLOCK):
        h = alpha * first @ points[start : start + BLOCK].T / math.sqrt(d)
        terms, square = hermite_terms(activation, h, width)
        diagonal += square.sum(1)
        power, left = np.ones((p, p)), square.sum(1)
        for k, term in enumerate(terms):
            second += power * (term @ term.T)
            left = left - (term**2).sum(1)
            if largest**k * left.max() <= ENOUGH * diagonal.max():
                break
            power *= correlation
        linear += terms[1].sum(1)
    np.fill_diagonal(second, diagonal)
    return FeatureMoments(second / len(points), linear[:, None] / len(points) * direction, sigma)


def sampled_feature_moments(
    first: Real[ArrayLike, "p d"],
    points: Real[ArrayLike, "n d"],
    level: NoiseLevel,
    draws: int,
    activation: Activation = jax.lax.tanh,
    *,
    key: RandomKey,
) -> FeatureMoments:
    """Moments over `draws` noises of each point, drawn once: those of a finite noisy training set.

    Cost: (n draws) p^2 products and as many features in memory.
    Raises ValueError where `draws` is below 1, or shapes do not fit.
    """
    first, points = check_layers(first, points)
    check_count("draws", draws)
    alpha, sigma = (float(part) for part in level)
    noise = gaussian_numbers(key, (draws, *points.shape))
    noisy = (alpha * points + sigma * noise).reshape(-1, points.shape[1])
    features = in_double(activation, first @ noisy.T / math.sqrt(points.shape[1]))
    count = len(noisy)
    second, cross = features @ features.T / count, features @ noise.reshape(noisy.shape) / count
    return FeatureMoments(second, cross, sigma, float((noise**2).mean()))


def hermite_terms(
    activation: Activation, h: Float[np.ndarray, "p n"], width: Float[np.ndarray, "p"], terms: int = TERMS
) -> tuple[Float[np.ndarray, "terms p n"], Float[np.ndarray, "p n"]]:
    """`F_k = E f(h + width u) He_k(u)/sqrt(k!)` for k < terms, and `E f(h + width u)^2`, by quadrature."""
    # an odd number, so that 0 stays a node
    count = NODES // 2 * 2 * math.ceil(max(1.0, width.max() / STEEP)) + 1
    nodes, slab_size = np.linspace(-RANGE, RANGE, count), max(1, SLAB * NODES // count)
    weights = np.exp(-(nodes**2) / 2)
    polynomials = np.zeros((terms + 1, count))
    polynomials[0] = weights / weights.sum()
    for k in range(terms):
        before = math.sqrt(k) * polynomials[k - 1] if k else 0.0
        polynomials[k + 1] = (nodes * polynomials[k] - before) / math.sqrt(k + 1)
    found, square = np.zeros((terms, h.size)), np.zeros(h.size)
    middle, scale = h.ravel(), np.repeat(width, h.shape[1])
    for i in range(0, h.size, slab_size):
        slab = slice(i, i + slab_size)
        values = in_double(activation, middle[slab] + nodes[:, None] * scale[slab])
        found[:, slab], square[slab] = polynomials[:terms] @ values, polynomials[0] @ values**2
    return found.reshape(terms, *h.shape), square.reshape(h.shape)


def in_double(activation: Activation, values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """The activation in float64, even where JAX's x64 is off."""
    flat = np.ravel(values)
    padded = np.zeros(-(-flat.size // CHUNK) * CHUNK)
    padded[: flat.size] = flat
    with jax.enable_x64(True):
        done = [np.asarray(activation(jnp.asarray(part, jnp.float64))) for part in padded.reshape(-1, CHUNK)]
    return np.concatenate(done)[: flat.size].reshape(values.shape)


def gaussian_numbers(key: RandomKey, shape: tuple[int, ...]) -> Float[np.ndarray, "..."]:
    """Independent N(0, 1), drawn in JAX's default float."""
    count = math.prod(shape)
    keys = [jax.random.fold_in(key, i) for i in range(-(-count // CHUNK))]
    return np.concatenate([np.asarray(jax.random.normal(k, (CHUNK,)), np.float64) for k in keys])[:count].reshape(shape)


def check_layers(first, points) -> tuple[np.ndarray, np.ndarray]:
    """W (p, d) and points (n, d) in float64.

    Raises ValueError where shapes do not fit, values are not finite, or a row of W is 0.
    """
    first, points = np.asarray(first, np.float64), np.asarray(points, np.float64)
    if first.ndim != 2 or points.ndim != 2 or first.shape[1] != points.shape[1] or not len(points):
        raise ValueError(
            f"`first` and `points` must have shapes (p, d) and (n, d), but have {first.shape} and {points.shape}."
        )
    if not np.all(np.isfinite(first)) or not np.all(np.any(first, axis=1)):
        raise ValueError("`first` must be finite with no row of zeros, but is not.")
    check_finite("points", points)
    return first, points
