"""Energies as differences from those of one centre: the form that derivatives, covariances and single weights take.

With centre j as the reference, delta_i = (y_i - y_j)/sigma and r = (x - alpha y_j)/sigma,

    E_j - E_i = alpha <delta_i, r - alpha delta_i / 2> + log w_i - log w_j.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Bool, Float, Int

from ..arithmetic import doubled
from .base import AbstractReduction, AnyCentres
from .centres import Chunk
from .energies import indistinct
from .sums import LOWEST

DOUBLE = 2.0**-53  # rounding unit of the energies
CAP = 40.0  # nats: cap on the exponent of a centre without weight, whose derivative may be as large as a float holds
FAR = {4: 1e15, 8: 1e100}  # sigma: cap on a coordinate of a difference of centres, at which nothing is left of a weight


class Anchor(NamedTuple):
    """A query seen from one centre y_j, in units of the offsets."""

    x: Float[Array, "d"]
    alpha: Float[Array, ""]
    sigma: Float[Array, ""]
    """The unit of the offsets at sigma = 0."""
    clean: Bool[Array, ""]
    """Whether sigma = 0."""
    centre: Float[Array, "d"]
    unit: Float[Array, ""]
    scale: Float[Array, ""]
    """unit / sigma."""
    offset: Float[Array, "d"]
    log_weight: Float[Array, ""]
    away: Float[Array, "d"]
    """(x - alpha y_j) / unit."""


def anchored(reduction: AbstractReduction, centres: AnyCentres, x, alpha, sigma, j: Int[Array, ""]) -> Anchor:
    """The query seen from centre number j."""
    chunk = reduction.at(centres, j)
    offset, centre, unit = chunk.offsets[0], centres.centre, centres.unit
    clean = sigma == 0
    length = jnp.where(clean, unit, sigma)
    away = separation(x, alpha, centre, unit, offset)
    return Anchor(x, alpha, length, clean, centre, unit, ratio(unit, length), offset, chunk.log_weights[0], away)


def ratios(anchor: Anchor, chunk: Chunk) -> tuple[Float[Array, "rows"], Float[Array, "rows"]]:
    """e^(E_j - E_i) and its logarithm (0 where a weight is 0) for each centre i of a chunk.

    A centre without weight has e = 0 with the derivative that its weight deserves. Centres so far that nothing of them
    is left are moved to a distance whose square a float holds.
    """
    far = FAR[chunk.offsets.dtype.itemsize]
    delta = jnp.clip((chunk.offsets - anchor.offset[None]) * anchor.scale, -far, far)
    g = gaps(delta, anchor.away * anchor.scale, anchor.alpha, chunk.offsets, anchor)
    # what ties at sigma = 0 is what ties in the pass, by products for single precision
    distance, seen = (jnp.sqrt(jnp.sum(v * v)) for v in (anchor.away, anchor.away + anchor.alpha * anchor.offset))
    near = indistinct(distance, seen, DOUBLE, chunk.offsets.dtype == jnp.float32)
    tied = jnp.where(jax.lax.stop_gradient(g) >= -near, 0, LOWEST)
    g = jnp.where(anchor.clean, jax.lax.stop_gradient(tied), jnp.maximum(g, LOWEST))
    bare = jnp.isneginf(chunk.log_weights)
    log_e = g + jnp.where(bare, 0, chunk.log_weights) - anchor.log_weight
    e = jnp.exp(jnp.minimum(log_e, CAP))
    return jnp.where(bare, e * chunk.weights, e), jnp.where(bare, 0, log_e)


@jax.custom_jvp
def gaps(
    delta: Float[Array, "rows d"], away: Float[Array, "d"], alpha, offsets, anchor: Anchor
) -> Float[Array, "rows"]:
    """`|x - alpha y_j|^2 / (2 sigma^2) - |x - alpha y_i|^2 / (2 sigma^2) = alpha <delta_i, away - alpha delta_i / 2>`,

    by differences in double precision from the centres themselves, which delta and away are rounded from.
    """
    with jax.enable_x64(True):
        rows, reference, x, a, c, u, s = doubled(
            offsets, anchor.offset, anchor.x, anchor.alpha, anchor.centre, anchor.unit, anchor.sigma
        )
        r = ((x - a * c) / u - a * reference) * (u / s)
        between = (rows - reference[None]) * (u / s)
        return (a * jnp.sum(between * (r[None] - a / 2 * between), axis=1)).astype(delta.dtype)


def _gaps_jvp(primals, tangents):
    delta, away, alpha, *_ = primals
    delta_t, away_t, alpha_t, *_ = tangents
    slope = jnp.zeros_like(delta[:, 0])
    if moves(away_t):
        slope = slope + alpha * jnp.sum(delta * away_t[None], axis=1)
    if moves(alpha_t):
        slope = slope + alpha_t * jnp.sum(delta * (away[None] - alpha * delta), axis=1)
    if moves(delta_t):
        slope = slope + alpha * jnp.sum(delta_t * (away[None] - alpha * delta), axis=1)
    return gaps(*primals), slope


gaps.defjvp(_gaps_jvp, symbolic_zeros=True)


@jax.custom_jvp
def ratio(unit: Float[Array, ""], sigma: Float[Array, ""]) -> Float[Array, ""]:
    """`unit / sigma`, with a slope that does not square sigma."""
    return jnp.minimum(unit / sigma, jnp.finfo(sigma.dtype).max)


@ratio.defjvp
def _ratio_jvp(primals, tangents):
    found = ratio(*primals)
    return found, tangents[0] / primals[1] - found * (tangents[1] / primals[1])


@jax.custom_jvp
def separation(x, alpha, centre, unit, offset):
    """`(x - alpha (centre + unit offset)) / unit`, rounded once."""
    with jax.enable_x64(True):
        point, a, c, u, o = doubled(x, alpha, centre, unit, offset)
        return ((point - a * c) / u - a * o).astype(x.dtype)


@separation.defjvp
def _separation_jvp(primals, tangents):
    (x, alpha, centre, unit, offset), (x_t, alpha_t, _, _, offset_t) = primals, tangents
    with jax.enable_x64(True):
        c, u, o = doubled(centre, unit, offset)
        place = ((c + u * o) / u).astype(x.dtype)
    return separation(*primals), x_t / unit - alpha_t * place - alpha * offset_t


def moves(tangent) -> bool:
    """Whether a tangent is not known to be zero."""
    return type(tangent) is not SymbolicZero
