"""Sums over centres, chunk by chunk, relative to the largest logit so far: the streaming softmax."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..arithmetic import dot, unit_of
from .base import Posterior
from .centres import Chunk
from .energies import Queries, by_differences, by_product, rounding, tie

ROUNDED = 8.0  # roundings of itself by which an energy by differences may be wrong
LIGHTEST = -80.0  # logarithm of the smallest weight that ties at sigma = 0 are shared by: its exponential is a float
LOWEST = -1000.0  # nats at which a weight is 0 in every precision


class Sums(NamedTuple):
    """Over the centres so far, with logit_i = -E_i, `top` the largest logit and e_i = exp(logit_i - top):

    Z = sum e_i,    U = sum e_i log e_i,    P = sum e_i^2,
    M1 = sum e_i o_i,    M2 = sum e_i |o_i|^2,    W = sum e_i log w_i.
    """

    top: Float[Array, "*batch"]
    Z: Float[Array, "*batch"]
    U: Float[Array, "*batch"]
    P: Float[Array, "*batch"]
    M1: Float[Array, "*batch d"]
    M2: Float[Array, "*batch"]
    W: Float[Array, "*batch"]
    best: Float[Array, "*batch"]
    """The largest e_i: 1, or less at sigma = 0."""
    leader: Int[Array, "*batch"]


def nothing(queries: Queries) -> Sums:
    """No centres yet."""
    zero = jnp.zeros_like(queries.squares)
    none = jnp.zeros(zero.shape, jnp.int32)
    return Sums(zero - jnp.inf, zero, zero, zero, jnp.zeros_like(queries.away), zero, zero, zero - 1, none)


class Care(NamedTuple):
    """In which precision the sums of a pass are taken; known before anything is traced."""

    energies: bool
    """Whether energies need more than a product in the precision of the centres."""
    moments: bool
    """Whether the second product is in the precision of the queries."""


PLAIN, FINE, FINEST = Care(False, False), Care(True, False), Care(True, True)


def of_chunk(queries: Queries, care: Care, chunk: Chunk) -> Sums:
    """The sums over one chunk."""
    wide = queries.away.dtype
    top, e = weighed(queries, chunk, care)
    best = jnp.max(e, axis=1)
    leader = chunk.numbers[first(e == best[:, None])]
    # one precision for all three: they are divided by one another
    parts = (e, *chunk[:3])
    weight, offsets, squares, low = (part.astype(wide) for part in parts) if care.moments else parts
    Z, M1, M2 = jnp.sum(weight, axis=1), dot(weight, offsets), dot(weight, squares + low)
    U = jnp.sum(jnp.where(e > 0, e * jnp.log(jnp.where(e > 0, e, 1)), 0), axis=1)
    # at sigma = 0 weights may be so small that their squares vanish; a chunk may have no weight at all
    share = e / jnp.where(best > 0, best, 1)[:, None]
    best = best.astype(wide)
    P = jnp.sum(share * share, axis=1).astype(wide) * best * best
    W = dot(e, jnp.where(jnp.isneginf(chunk.log_weights), 0, chunk.log_weights))
    Z, U, M1, M2, W = (part.astype(wide) for part in (Z, U, M1, M2, W))
    return Sums(top, Z, U, P, M1, M2, W, best, leader)


def weighed(queries: Queries, chunk: Chunk, care: Care):
    """The largest logit of a chunk, and e_i in the dtype of the centres."""
    dtype, wide = chunk.offsets.dtype, queries.away.dtype
    direct = care.energies and dtype == wide
    logits = by_differences(queries, chunk) if direct else by_product(queries, chunk, wide if care.energies else dtype)
    top = largest(logits)
    if not care.energies:  # no query is without noise here
        return present(top).astype(wide), jnp.exp(logits - top[:, None])
    # without noise those that tie with the best share everything by weight, and nothing is left of the others
    depth, near = logits - top[:, None], jnp.minimum(tie(queries, top), jnp.finfo(wide).max)
    shared = jnp.where(depth >= -near[:, None], jnp.maximum(chunk.log_weights, LIGHTEST)[None], -jnp.inf)
    return present(top), jnp.exp(jnp.where(queries.clean[:, None], shared, depth.astype(dtype)))


def largest(logits: Float[Array, "batch rows"]) -> Float[Array, "batch"]:
    """The largest of each row, or the lowest finite number: `present` makes -inf of it where there is no weight."""
    lowest = np.asarray(jnp.finfo(logits.dtype).min, logits.dtype)
    if logits.shape[1] == 1:  # XLA forgets where a maximum of one number starts
        return jnp.maximum(logits[:, 0], lowest)
    return jax.lax.reduce(logits, lowest, jax.lax.max, (1,))


def present(top: Float[Array, "batch"]) -> Float[Array, "batch"]:
    """The largest logits, -inf where there is no weight."""
    return jnp.where(top > jnp.finfo(top.dtype).min, top, -jnp.inf)


def joined(one: Sums, other: Sums, queries: Queries) -> Sums:
    """The sums over two disjoint sets of centres, the first in order first."""
    top = jnp.maximum(one.top, other.top)
    near = tie(queries, top)

    def lowered(sums: Sums) -> Sums:
        fall = jnp.where(jnp.isneginf(sums.top), 0, sums.top - jnp.where(jnp.isneginf(top), 0, top))
        fall = jnp.maximum(jnp.where(queries.clean, jnp.where(fall >= -near, 0, LOWEST), fall), LOWEST)
        shrink = jnp.exp(fall)
        return sums._replace(
            Z=shrink * sums.Z,
            U=shrink * (sums.U + fall * sums.Z),
            P=shrink * shrink * sums.P,
            M1=shrink[:, None] * sums.M1,
            M2=shrink * sums.M2,
            W=shrink * sums.W,
            best=shrink * sums.best,
        )

    a, b = lowered(one), lowered(other)
    first = a.best >= b.best
    leader = jnp.where(first, one.leader, other.leader)
    added = jax.tree.map(jnp.add, a, b)
    return added._replace(top=top, best=jnp.maximum(a.best, b.best), leader=leader)


def concluded(centres, queries: Queries, sums: Sums) -> Posterior:
    """The posterior from complete sums that were taken with this care, in the dtype of the centres."""
    unit, centre = (part.astype(sums.Z.dtype) for part in (centres.unit, centres.centre))
    clean, alpha = queries.clean, queries.alpha
    lowest = leader_energy(centres, queries, sums)
    log_Z = jnp.log(sums.Z / sums.best) - lowest
    m = sums.M1 / sums.Z[:, None]
    displacement = alpha[:, None] * m - queries.away
    # without noise a query is on a point up to rounding or not at all
    noise = 4 * unit_of(m) * (jnp.abs(queries.away) + alpha[:, None] * jnp.abs(m))
    displacement = jnp.where(clean[:, None] & (jnp.abs(displacement) <= noise), 0, displacement)
    on_point = jnp.all(displacement == 0, axis=1) & (lowest <= tie(queries, sums.top))
    squares = jnp.maximum(sums.M2 / sums.Z, 0)
    # a centre far from those that matter may have a larger error, but not a larger one than its energy
    of_product = rounding(queries, queries.unit, jnp.sqrt(squares))
    error = jnp.where(queries.product, of_product, ROUNDED * queries.unit * jnp.maximum(lowest, 0))
    leader_weight = sums.best / sums.Z
    found = Posterior(
        log_prob=jnp.where(clean, jnp.where(on_point, jnp.inf, -jnp.inf), log_Z),
        mean=centre[None] + unit * m,
        displacement=unit * displacement,
        entropy=jnp.where(sums.best == sums.Z, 0, jnp.maximum(jnp.log(sums.Z) - sums.U / sums.Z, 0)),
        participation=sums.Z * sums.Z / sums.P,
        leader=sums.leader,
        leader_weight=leader_weight,
        spread=unit * unit * _spread(queries, sums, m, displacement),
        discarded=jnp.where(clean, 0, moved_weight(error, leader_weight)),
    )
    return jax.tree.map(lambda leaf: leaf.astype(centres.dtype if leaf.dtype != jnp.int32 else jnp.int32), found)


def leader_energy(centres, queries: Queries, sums: Sums) -> Float[Array, "batch"]:
    """The energy of the leader by a difference, which loses nothing where both are far from the common centre."""
    leader, alpha = centres.take(sums.leader), queries.alpha[:, None]
    offsets, log_w = (part.astype(alpha.dtype) for part in (leader.offsets, leader.log_weights))
    between = queries.away - alpha * offsets
    energy = queries.beta / 2 * jnp.sum(between * between, axis=1) - log_w
    return jnp.where(queries.clean | jnp.isneginf(sums.top), queries.shared - sums.top, energy)


def _spread(queries: Queries, sums: Sums, m, displacement):
    """tr C = `<|o|^2> - |m|^2`, or where energies have more digits `(<|a - alpha o|^2> - |alpha m - a|^2)/alpha^2`."""
    alpha, beta = queries.alpha, queries.beta
    squares, squared = sums.M2 / sums.Z, jnp.sum(displacement * displacement, axis=1)
    low = queries.energies & ~queries.moments & ~queries.clean & (squared < alpha * alpha * squares)
    # both lose to rounding: by moments a part of <|o|^2>, by energies a part of the sums, which beta alpha^2 divides
    low &= alpha * alpha * beta * squares > 2 * (1 + (jnp.abs(sums.U) + jnp.abs(sums.W)) / sums.Z)
    by_moments = squares - jnp.sum(m * m, axis=1)
    distances = 2 * (queries.shared - sums.top - sums.U / sums.Z + sums.W / sums.Z) / beta
    by_energies = (distances - squared) / jnp.where(low, alpha * alpha, 1)
    # rounding leaves something of a difference where one centre holds everything
    most = jnp.where(queries.clean, jnp.inf, (1 - sums.best / sums.Z) * (2 * queries.radius) ** 2)
    return jnp.clip(jnp.where(low, by_energies, by_moments), 0, most)


def moved_weight(error, leader_weight):
    """Bound on the total variation of weights whose energies are wrong by up to `error` nats."""
    error = jnp.minimum(error, 50)
    others = 1 - leader_weight + 2.0**-24  # what single precision cannot tell from nothing
    return jnp.minimum(jnp.tanh(error / 2), jnp.expm1(2 * error) * jnp.exp(2 * error) * others)


def first(holds):
    """The first place in each row that holds, or the last; `argmax` knows no double precision while x64 is off."""
    places = jax.lax.broadcasted_iota(jnp.int32, holds.shape, 1)
    return jnp.min(jnp.where(holds, places, holds.shape[1] - 1), axis=1)
