"""The memories of a score: the states that its own denoiser leaves where they are."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Bool, Float, Int, Real

from ..level import NoiseLevel, cast_level, strong
from ..scores import AbstractMixture

STOP = 0.1  # of the merging tolerance: the last Newton step, after which the error is about its square
BATCH = 256  # starts at once


class Attractors(NamedTuple):
    """The distinct attractors that were reached, most probable first."""

    points: Float[np.ndarray, "k *shape"]
    """Where they are: maxima of the noisy density."""
    log_prob: Float[np.ndarray, "k"]
    """Log-density there, in nats; the energy is its negative."""
    leader: Int[np.ndarray, "k"]
    """Index of the heaviest centre."""
    leader_weight: Float[np.ndarray, "k"]
    """Its posterior weight."""
    memorized: Bool[np.ndarray, "k"]
    """Whether one centre holds more than half of the weight; the others are shared by several."""
    reached: Int[np.ndarray, "starts"]
    """Number of the attractor that each start ended on; -1 for a saddle, or where the steps did not suffice."""


def attractors(
    score: AbstractMixture,
    starts: Real[ArrayLike, "starts *shape"],
    level: NoiseLevel,
    *,
    tolerance: float = 1e-3,
    steps: int = 500,
) -> Attractors:
    """The minima of the energy `-log p(x)` at a level: the stable fixed points `x = alpha D(x)`, climbed to from
    `starts`.

    Each step is the mean shift `x -> alpha D(x)`, which never lowers p, or the Newton step with the posterior
    covariance C, at most sigma long, where that climbs at least as high:

        dx = |1 - (alpha^2/sigma^2) C|^-1 (alpha D - x),   the absolute value on each eigenvector of C.

    A fixed point is an attractor where the largest eigenvalue of (alpha^2/sigma^2) C is below 1. A start ends on a
    maximum near it, not always on the one that the mean shift alone would take it to. Ends within `tolerance` sigma
    of one another are one attractor. Only what the starts reach is found: the training points (times alpha) reach every
    memory, and further starts the states in between. For n points of d >> n coordinates use `data.span_coordinates`.

    Cost: for each start and step three posterior passes, one covariance (n d^2) and its eigenvalues (d^3); usually
    10 to 30 steps. Accuracy: positions to about (tolerance/10)^2 sigma, not below rounding over the curvature.

    Raises ValueError unless sigma > 0, `tolerance` > 0, `steps` >= 1 and `starts` has the shape (count, *shape).
    Source: Ambrogioni, arXiv:2309.17290, and Pham et al., arXiv:2505.21777, for diffusion as an associative memory;
    the search: derived.
    """
    if not float(level.sigma) > 0:
        raise ValueError(f"`sigma` must be positive, but is {level.sigma}.")
    if not (tolerance > 0 and steps >= 1):
        raise ValueError(f"`tolerance` and `steps` must be positive, but are {tolerance} and {steps}.")
    starts = jnp.asarray(starts)
    if starts.ndim == 0 or len(starts) == 0:
        raise ValueError(f"`starts` must have shape (count, *shape) and hold a point, but has shape {starts.shape}.")
    dtype = jax.eval_shape(score.denoise, starts[0], level).dtype
    level, stop = cast_level(level, dtype), jnp.asarray(tolerance * STOP, dtype)
    found = _climb_all(score, strong(starts, dtype), level, stop, jnp.asarray(steps))
    ends, log_prob, leader, weight, settled = (np.asarray(part) for part in found)
    first, reached = _merged(ends.reshape(len(ends), -1), log_prob, settled, tolerance * float(level.sigma))
    return Attractors(ends[first], log_prob[first], leader[first], weight[first], weight[first] > 0.5, reached)


@eqx.filter_jit
def _climb_all(score, starts, level, stop, steps):
    return jax.lax.map(lambda x: _climb(score, x, level, stop, steps), starts, batch_size=min(BATCH, len(starts)))


def _climb(score, start, level, stop, steps):
    """The end of one start, with its log-density, leader, weight, and whether it is an attractor."""
    alpha, sigma = level

    def going(carry):
        return (carry[1] > stop * sigma) & (carry[2] < steps)

    def step(carry):
        x, _, count = carry
        shift, slopes, newton = _moves(score, x, level, alpha, sigma)
        candidates = jnp.stack([x + shift, x + newton])
        heights = jax.vmap(lambda y: score.log_prob(y, level))(candidates)
        ahead = candidates[jnp.where(heights[1] >= heights[0], 1, 0)]
        # near the end heights are equal up to rounding, and Newton's step is the better one
        size = jnp.sqrt(jnp.sum(newton**2))
        near = (size <= jnp.sqrt(stop) * sigma) & (slopes[-1] < 1)
        return jnp.where(near, candidates[1], ahead), size, count + 1

    x, size, _ = jax.lax.while_loop(going, step, (start, jnp.full_like(sigma, jnp.inf), jnp.zeros_like(steps)))
    posterior = score.posterior(x, level)
    stable = _moves(score, x, level, alpha, sigma)[1][-1] < 1
    return x, posterior.log_prob, posterior.leader, posterior.leader_weight, stable & (size <= stop * sigma)


def _moves(score, x, level, alpha, sigma):
    """The mean shift, the eigenvalues of (alpha^2/sigma^2) C in ascending order, and the Newton step."""
    shift = score.posterior(x, level).displacement
    matrix = (alpha / sigma) ** 2 * score.covariance(x, level).reshape(x.size, x.size)
    slopes, axes = jnp.linalg.eigh(matrix)
    tiny = jnp.finfo(x.dtype).tiny
    along = (axes.T @ shift.ravel()) / jnp.maximum(jnp.abs(1 - slopes), tiny)
    newton = axes @ along
    length = jnp.sqrt(jnp.sum(newton**2))
    return shift, slopes, (newton * jnp.minimum(1, sigma / jnp.maximum(length, tiny))).reshape(x.shape)


def _merged(ends: Float[np.ndarray, "starts d"], log_prob, settled, radius: float):
    """Rows that stand for each attractor, and the attractor of each row."""
    first: list[int] = []
    reached = np.full(len(ends), -1)
    for row in np.argsort(-log_prob, kind="stable"):
        if not settled[row]:
            continue
        away = np.linalg.norm(ends[first] - ends[row], axis=1) if first else np.array([np.inf])
        if away.min() > radius:
            first.append(int(row))
            away = np.append(away, 0.0) if len(first) > 1 else np.zeros(1)
        reached[row] = away.argmin()
    return np.array(first, int), reached
