"""The attractors of a score: the stable states that its denoiser maps to themselves."""

from typing import TYPE_CHECKING, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..annotations import Points
from ..batches import in_pieces
from ..checks import as_values
from ..dataframe import rows_as_dataframe
from ..level import NoiseLevel, cast_level, strong
from ..representation import one_line
from ..scores import AbstractMixture

if TYPE_CHECKING:
    import pandas

STOP = 0.1  # longest last Newton step, in units of the merging tolerance; the error is about its square
BATCH = 256  # starts at once


class Attractors(NamedTuple):
    """The distinct attractors that were reached, in order of falling density."""

    points: Float[np.ndarray, "k *shape"]
    """Their positions, maxima of the noisy density."""
    log_prob: Float[np.ndarray, "k"]
    """Log-density there, in nats; the energy is its negative."""
    leader: Int[np.ndarray, "k"]
    """Index of the heaviest centre."""
    leader_weight: Float[np.ndarray, "k"]
    """Its posterior weight."""
    memorized: Bool[np.ndarray, "k"]
    """Whether one centre holds more than half of the posterior weight there."""
    reached: Int[np.ndarray, "starts"]
    """The row in `points` of the attractor that each start ended on; -1 for a saddle or too few steps."""

    __repr__ = one_line

    def to_dataframe(self) -> "pandas.DataFrame":
        """One row for each attractor, without `reached`, which has one for each start."""
        return rows_as_dataframe(self._replace(reached=None))


def attractors(
    score: AbstractMixture,
    starts: Points,
    level: NoiseLevel,
    *,
    tolerance: float = 1e-3,
    steps: int = 500,
) -> Attractors:
    """The minima of the energy `-log p(x)` at a level, the stable fixed points of `x = alpha D(x)`, from `starts`.

    Each step is the mean shift `x -> alpha D(x)`, which never lowers p, or the Newton step with the posterior
    covariance C, at most sigma long, where that climbs at least as high:

        dx = |1 - (alpha^2/sigma^2) C|^-1 (alpha D - x),   the absolute value on each eigenvector of C.

    A fixed point is an attractor where the largest eigenvalue of (alpha^2/sigma^2) C is below 1. A start ends on a
    maximum of p near it, which is not always the one that the mean shift alone would lead to. Ends within `tolerance`
    sigma of one another count as one attractor. Only attractors that some start reaches are found: starts at the
    training points (times alpha) find every memorized one, and further starts those shared by several points. For n
    points of d >> n coordinates use `data.span_coordinates`.

    Cost: for each start and step two posterior passes, two covariances (n d^2) and their eigenvalues (d^3); usually
    10 to 30 steps. Accuracy: positions to about (tolerance/10)^2 sigma, not below rounding over the curvature.

    Raises ValueError unless sigma > 0, `tolerance` > 0, `steps` >= 1 and `starts` has the shape (count, *shape).
    Source: Ambrogioni, arXiv:2309.17290, and Pham et al., arXiv:2505.21777, for diffusion as an associative memory;
    the search: derived.
    """
    if not float(level.sigma) > 0:
        raise ValueError(f"`sigma` must be positive, but is {level.sigma}.")
    if not (tolerance > 0 and steps >= 1):
        raise ValueError(f"`tolerance` and `steps` must be positive, but are {tolerance} and {steps}.")
    starts = jnp.asarray(as_values("starts", starts))
    if starts.ndim == 0 or len(starts) == 0:
        raise ValueError(f"`starts` must have shape (count, *shape) and hold a point, but has shape {starts.shape}.")
    dtype = jax.eval_shape(lambda x, level: score.denoise(x, level), starts[0], level).dtype
    level, stop = cast_level(level, dtype), jnp.asarray(tolerance * STOP, dtype)
    found = _climb_all(score, strong(starts, dtype), level, stop, jnp.asarray(steps))
    ends, log_prob, leader, weight, converged = (np.asarray(part) for part in found)
    first, reached = _distinct(ends.reshape(len(ends), -1), log_prob, converged, tolerance * float(level.sigma))
    memorized = holds_most(weight[first])
    return Attractors(ends[first], log_prob[first], leader[first], weight[first], memorized, reached)


def holds_most(weight: Float[np.ndarray, "*points"]) -> Bool[np.ndarray, "*points"]:
    """Whether a posterior weight is more than half of all, by more than its rounding."""
    return weight > 0.5 + 8 * np.finfo(weight.dtype).eps


@eqx.filter_jit
def _climb_all(score, starts, level, stop, steps):
    return in_pieces(jax.vmap(lambda score, x: _climb(score, x, level, stop, steps), (None, 0)), BATCH, score, starts)


class _State(NamedTuple):
    """A point of the search, with the density and the steps there."""

    x: Float[Array, "*shape"]
    log_prob: Float[Array, ""]
    leader: Int[Array, ""]
    leader_weight: Float[Array, ""]
    shift: Float[Array, "*shape"]
    """The mean shift from x."""
    newton: Float[Array, "*shape"]
    """The Newton step from x."""
    slope: Float[Array, ""]
    """Largest eigenvalue of (alpha^2/sigma^2) C."""


def _climb(score, start, level, stop, steps):
    """Where one start ends, with log-density, leader, leader weight, and whether it is an attractor."""
    sigma = level.sigma

    def size(state):
        return jnp.sqrt(jnp.sum(state.newton**2))

    def going(carry):
        state, count = carry
        return (size(state) > stop * sigma) & (count < steps)

    def step(carry):
        state, count = carry
        ahead = jnp.stack([state.x + state.shift, state.x + state.newton])
        tried = jax.vmap(lambda x: _state_at(score, x, level))(ahead)
        # near the end both steps climb equally high up to rounding, and Newton's step is more accurate
        near = (size(state) <= jnp.sqrt(stop) * sigma) & (state.slope < 1)
        better = jnp.where(near | (tried.log_prob[1] >= tried.log_prob[0]), 1, 0)
        return jax.tree.map(lambda leaf: leaf[better], tried), count + 1

    end, _ = jax.lax.while_loop(going, step, (_state_at(score, start, level), jnp.zeros_like(steps)))
    converged = (end.slope < 1) & (size(end) <= stop * sigma)
    last = end.x + end.newton
    found = score.posterior(last, level)
    return last, found.log_prob, found.leader, found.leader_weight, converged


def _state_at(score, x, level):
    """The state at x, with both steps from it."""
    alpha, sigma = level
    posterior = score.posterior(x, level)
    matrix = (alpha / sigma) ** 2 * score.covariance(x, level).reshape(x.size, x.size)
    slopes, axes = jnp.linalg.eigh(matrix)
    tiny = jnp.finfo(x.dtype).tiny
    newton = axes @ ((axes.T @ posterior.displacement.ravel()) / jnp.maximum(jnp.abs(1 - slopes), tiny))
    length = jnp.sqrt(jnp.sum(newton**2))
    newton = (newton * jnp.minimum(1, sigma / jnp.maximum(length, tiny))).reshape(x.shape)
    known = posterior.log_prob, posterior.leader, posterior.leader_weight
    return _State(x, *known, posterior.displacement, newton, slopes[-1])


def _distinct(ends: Float[np.ndarray, "starts d"], log_prob, converged, radius: float):
    """One row for each attractor, and the attractor of each row."""
    first: list[int] = []
    reached = np.full(len(ends), -1)
    for row in np.argsort(-log_prob, kind="stable"):
        if not converged[row]:
            continue
        away = np.linalg.norm(ends[first] - ends[row], axis=1) if first else np.array([np.inf])
        if away.min() > radius:
            first.append(int(row))
            away = np.append(away, 0.0) if len(first) > 1 else np.zeros(1)
        reached[row] = away.argmin()
    return np.array(first, int), reached
