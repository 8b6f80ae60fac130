"""Laws whose every quantity is written down a second time, in double precision NumPy, without the library (see README.md)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Law(NamedTuple):
    """The data law `sum_i w_i N(mu_i, S_i)`; S = 0 is a set of weighted points. Flat coordinates."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray


class Answer(NamedTuple):
    """What a law says at one query and level."""

    log_prob: float
    weights: np.ndarray
    mean: np.ndarray
    displacement: np.ndarray
    score: np.ndarray
    covariance: np.ndarray
    divergence: float
    entropy: float
    participation: float


def points_law(points, weights=None) -> Law:
    """Weighted points."""
    points = np.asarray(points, np.float64).reshape(len(points), -1)
    n, d = points.shape
    weights = np.full(n, 1 / n) if weights is None else np.asarray(weights, np.float64)
    return Law(weights / weights.sum(), points, np.zeros((n, d, d)))


def answer(law: Law, x, alpha, sigma) -> Answer:
    """Everything at one query, from the normal equations of each component (sigma > 0)."""
    x, alpha, sigma = np.asarray(x, np.float64).ravel(), float(alpha), float(sigma)
    d = x.size
    away = x - alpha * law.means
    noisy = alpha**2 * law.covariances + sigma**2 * np.eye(d)
    precision = np.linalg.inv(noisy)
    q = np.einsum("kij,kj->ki", precision, away)
    with np.errstate(divide="ignore"):
        logs = np.log(law.weights) - (np.sum(away * q, 1) + np.linalg.slogdet(noisy)[1] + d * np.log(2 * np.pi)) / 2
    top = logs.max()
    w = np.exp(logs - top)
    log_prob = top + np.log(w.sum())
    w = w / w.sum()
    m = law.means + alpha * np.einsum("kij,kj->ki", law.covariances, q)
    mean = m[w.argmax()] + w @ (m - m[w.argmax()])
    displacement = -(sigma**2) * (w @ q)
    within = sigma**2 * np.einsum("kij,kjl->kil", law.covariances, precision)
    covariance = np.einsum("k,kij->ij", w, within) + (m - mean).T @ (w[:, None] * (m - mean))
    spread = q - w @ q
    divergence = w @ (np.sum(spread**2, 1) - np.trace(precision, axis1=1, axis2=2))
    heavy = w[w > 0]
    return Answer(
        log_prob, w, mean, displacement, -(w @ q), covariance, divergence, -heavy @ np.log(heavy), 1 / np.sum(w**2)
    )


def points_answer(points, x, alpha, sigma, weights=None):
    """Weights, mean and displacement for many points in many dimensions: direct differences in double precision."""
    points, x = np.asarray(points, np.float64), np.asarray(x, np.float64)
    alpha, sigma = float(alpha), float(sigma)
    away = alpha * points - x
    with np.errstate(divide="ignore"):
        logs = -np.sum(away**2, axis=1) / (2 * sigma**2) + (0 if weights is None else np.log(np.float64(weights)))
    w = np.exp(logs - logs.max())
    w = w / w.sum()
    best = w.argmax()
    return w, points[best] + w @ (points - points[best]), away[best] + alpha * (w @ (points - points[best]))


def log_density(law: Law, x, alpha, sigma):
    """The dense log-sum-exp in JAX, for automatic differentiation; call it under `double`."""
    away = x - alpha * law.means
    noisy = alpha**2 * law.covariances + sigma**2 * jnp.eye(x.size)
    roots = jnp.linalg.cholesky(noisy)
    scaled = jax.vmap(lambda root, r: jax.scipy.linalg.solve_triangular(root, r, lower=True))(roots, away)
    logdet = 2 * jnp.sum(jnp.log(jnp.diagonal(roots, axis1=1, axis2=2)), axis=1)
    square = jnp.sum(scaled**2, axis=1)
    logs = jnp.log(law.weights) - (square + logdet + x.size * np.log(2 * np.pi)) / 2
    return jax.nn.logsumexp(jnp.where(law.weights > 0, logs, -jnp.inf))


def log_weighted_distances(law: Law, x, alpha, sigma):
    """The dense log-sum-exp over points (no covariances), for automatic differentiation of any order."""
    square = jnp.sum((x - alpha * law.means) ** 2, axis=1) / (2 * sigma**2)
    return jax.nn.logsumexp(-square, b=law.weights) - x.size / 2 * jnp.log(2 * np.pi * sigma**2)


def double(function):
    """`function` run and compiled in double precision whatever the suite's setting, with loose ranks, to NumPy."""
    compiled = jax.jit(function)

    def run(*args):
        with jax.enable_x64(True), jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
            args = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf, np.float64)), args)
            return jax.tree.map(np.asarray, compiled(*args))

    return run


density_gradient = double(jax.grad(log_density, argnums=1))


def total_variation(left, right) -> float:
    """Half the sum of absolute differences."""
    return float(np.abs(np.asarray(left, np.float64) - np.asarray(right, np.float64)).sum() / 2)


def off(value, truth) -> float:
    """The Euclidean distance to the truth in units of the truth's norm; 0 where both vanish."""
    value, truth = np.asarray(value, np.float64).ravel(), np.asarray(truth, np.float64).ravel()
    error = np.linalg.norm(value - truth)
    return float(error / np.linalg.norm(truth)) if error > 0 else float(error)
