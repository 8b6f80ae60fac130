"""The formula itself, for a handful of centres."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..arithmetic import dot, in_double, minus_product, unit_of
from .base import AbstractReduction, Posterior
from .centres import AbstractCentres
from .energies import indistinct, squared_distances
from .sums import ROUNDED, first, moved_weight

TINY = 1 << 11  # terms of all queries up to which calling a product costs more than it saves


class Dense(AbstractReduction):
    """The posterior over training points exactly as the papers write it, for few points and as a reference.

    A noisy point is `x = alpha y_i + sigma z`, z ~ N(0, I), with the training point y_i drawn by its weight w_i. Then

        E_i = |x - alpha y_i|^2 / (2 sigma^2) - log w_i,    Z = sum_i exp(-E_i),    p_i = exp(-E_i) / Z,
        D = sum_i p_i y_i,    log p(x) = log Z - (d/2) log(2 pi sigma^2).

    Every energy E_i is formed by differences, in double precision. The other reductions compute the same numbers
    faster. Cost: 3 n d operations a query that no matrix product speeds up; memory batch x n x d.

    Example: for the points -1 and 1, `D = tanh(alpha x / sigma^2)`, here tanh(log(3)/2) = 1/2.
        >>> import numpy as np
        >>> from diffmem import NoiseLevel, reductions, scores
        >>> score = scores.Empirical(np.array([[-1.0], [1.0]]), reduction=reductions.Dense())
        >>> found = score.posterior(np.log([3.0]) / 2, NoiseLevel(alpha=1.0, sigma=1.0))
        >>> print(f"D = {found.mean[0]:.3f}")
        D = 0.500
    """

    def posterior(self, centres: AbstractCentres, x: Float[Array, "batch d"], alpha, sigma) -> Posterior:
        """The posterior of a batch of queries."""
        return in_double(_posterior, centres, x, alpha, sigma)

    def rows(self, n: int, d: int) -> int:
        """All n."""
        return n


def _posterior(centres: AbstractCentres, x, alpha, sigma) -> Posterior:
    rows = centres.span(0, centres.n)
    parts = centres.centre, centres.unit, rows.offsets, rows.log_weights
    centre, unit, y, log_w = (part.astype(x.dtype) for part in parts)
    x, sigma = minus_product(x, alpha[:, None], centre[None]) / unit, sigma / unit  # as y is kept
    clean, a, s = sigma == 0, alpha[:, None], jnp.where(sigma == 0, 1, sigma)
    squares = squared_distances(x, alpha, y)
    nearest = jnp.min(jnp.where(jnp.isneginf(log_w)[None], jnp.inf, squares), axis=1)
    # the limit without noise: the nearest centres share everything by weight
    near = 2 * indistinct(jnp.sqrt(nearest), jnp.sqrt(jnp.sum(x * x, axis=1)), unit_of(x), False)
    far = squares > (nearest + near)[:, None]
    lowest = nearest / (2 * s * s)
    # E_i and log Z less the lowest energy, which may be far larger than the differences
    E = (
        jnp.where(clean[:, None], jnp.where(far, jnp.inf, 0), (squares - nearest[:, None]) / (2 * s * s)[:, None])
        - log_w[None]
    )
    least = jnp.min(E, axis=1)
    # exponentials need no more digits than the result
    e = jnp.exp((least[:, None] - E).astype(centres.dtype)).astype(x.dtype)
    Z = jnp.sum(e, axis=1)
    p, log_Z = e / Z[:, None], jnp.log(Z)
    leader_weight = jnp.max(p, axis=1)
    D = dot(p, y) if len(x) * y.size > TINY else jnp.sum(p[:, :, None] * y[None], axis=1)
    displacement = a * D - x
    # without noise a query is on a point up to rounding or not at all
    rounded = jnp.abs(displacement) <= 4 * unit_of(x) * (jnp.abs(x) + jnp.abs(a * D))
    displacement = jnp.where(clean[:, None] & rounded, 0, displacement)
    on_point = jnp.all(displacement == 0, axis=1) & (nearest <= near)
    return Posterior(
        log_prob=jnp.where(clean, jnp.where(on_point, jnp.inf, -jnp.inf), log_Z - least - lowest),
        mean=centre[None] + unit * D,
        displacement=unit * displacement,
        entropy=jnp.maximum(log_Z - jnp.sum(p * jnp.log(jnp.where(e > 0, e, 1)), axis=1), 0),
        participation=1 / jnp.sum(p * p, axis=1),
        leader=first(p == leader_weight[:, None]),
        leader_weight=leader_weight,
        spread=unit * unit * jnp.sum(p * jnp.sum((y[None] - D[:, None]) ** 2, axis=2), axis=1),
        discarded=jnp.where(clean, 0, moved_weight(ROUNDED * unit_of(x) * lowest, leader_weight)),
    )
