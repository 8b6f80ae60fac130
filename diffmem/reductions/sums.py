"""Sums over centres, chunk by chunk, relative to the largest logit so far: the streaming softmax."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from .arithmetic import dot, unit_of
from .centres import Chunk
from .energies import Care, Queries, by_differences, by_product, care_of, shared_energy
from .posterior import Posterior

LOWEST = -1000.0  # nats at which a weight is 0 in every precision


class Sums(NamedTuple):
    """With e_i = exp(logit_i - top), logit_i = -E_i, over the centres so far."""

    top: Float[Array, "*batch"]
    Z: Float[Array, "*batch"]
    """sum e_i."""
    U: Float[Array, "*batch"]
    """sum e_i (logit_i - top)."""
    P: Float[Array, "*batch"]
    """sum e_i^2."""
    M1: Float[Array, "*batch d"]
    """sum e_i o_i."""
    M2: Float[Array, "*batch"]
    """sum e_i |o_i|^2."""
    best: Float[Array, "*batch"]
    """The largest e_i: 1, or less at sigma = 0."""
    leader: Int[Array, "*batch"]


def nothing(queries: Queries) -> Sums:
    """No centres yet."""
    zero = jnp.zeros_like(queries.squares)
    none = jnp.zeros(zero.shape, jnp.int32)
    return Sums(zero - jnp.inf, zero, zero, zero, jnp.zeros_like(queries.away), zero, zero - 1, none)


def of_chunk(queries: Queries, chunk: Chunk, care: Care) -> Sums:
    """The sums over one chunk."""
    dtype, wide = chunk.offsets.dtype, queries.away.dtype
    top, e, U, best, leader = weighed(queries, chunk, care.energies)

    def moments(dtype):
        weight, offsets, squares, low = (part.astype(dtype) for part in (e, *chunk[:3]))
        return dot(weight, offsets).astype(wide), dot(weight, squares + low).astype(wide)

    if dtype == wide:
        M1, M2 = moments(dtype)
    else:
        M1, M2 = jax.lax.cond(care.moments, lambda: moments(wide), lambda: moments(dtype))
    Z, P = jnp.sum(e, axis=1).astype(wide), jnp.sum(e * e, axis=1).astype(wide)
    return Sums(top, Z, U.astype(wide), P, M1, M2, best.astype(wide), leader)


def weighed(queries: Queries, chunk: Chunk, careful: Bool[Array, ""]):
    """The largest logit of a chunk; e_i, sum e_i log e_i, the largest e_i and its place, in the dtype of the centres."""
    dtype, wide, clean = chunk.offsets.dtype, queries.away.dtype, queries.clean[:, None]

    def softmax(logits):
        top = jnp.max(logits, axis=1)
        depth = (logits - jnp.where(jnp.isneginf(top), 0, top)[:, None]).astype(dtype)
        e, log_e = jnp.exp(depth), depth
        if logits.dtype == wide:
            # without noise those that tie with the best share everything by weight
            tied = depth >= -queries.tie.astype(dtype)[:, None]
            e = jnp.where(clean, jnp.where(tied, jnp.exp(chunk.log_weights)[None], 0), e)
            log_e = jnp.where(clean, chunk.log_weights[None], depth)
        best = jnp.max(e, axis=1)
        place = jax.lax.broadcasted_iota(jnp.int32, e.shape, 1)
        leader = jnp.min(jnp.where(e == best[:, None], place, e.shape[1]), axis=1)
        return top.astype(wide), e, jnp.sum(jnp.where(e > 0, e * log_e, 0), axis=1), best, leader

    def product(dtype):
        top, *rest = softmax(by_product(queries, chunk, dtype))
        return top - shared_energy(queries), *rest

    fine = (lambda: softmax(by_differences(queries, chunk))) if dtype == wide else (lambda: product(wide))
    return jax.lax.cond(careful, fine, lambda: product(dtype))


def joined(queries: Queries, one: Sums, other: Sums) -> Sums:
    """The sums over two disjoint sets of centres, the first in order first."""
    top = jnp.maximum(one.top, other.top)

    def lowered(sums: Sums) -> Sums:
        fall = jnp.where(jnp.isneginf(sums.top), 0, sums.top - jnp.where(jnp.isneginf(top), 0, top))
        fall = jnp.maximum(jnp.where(queries.clean, jnp.where(fall >= -queries.tie, 0, LOWEST), fall), LOWEST)
        shrink = jnp.exp(fall)
        return sums._replace(
            Z=shrink * sums.Z,
            U=shrink * (sums.U + fall * sums.Z),
            P=shrink * shrink * sums.P,
            M1=shrink[:, None] * sums.M1,
            M2=shrink * sums.M2,
            best=shrink * sums.best,
        )

    a, b = lowered(one), lowered(other)
    first = a.best >= b.best
    leader = jnp.where(first, one.leader, other.leader)
    added = jax.tree.map(jnp.add, a, b)
    return added._replace(top=top, best=jnp.maximum(a.best, b.best), leader=leader)


def sums_over(centres, queries: Queries, rows: int) -> tuple[Sums, Float[Array, "batch"]]:
    """The sums over all centres, `rows` at a time, and a bound on the rounding of an energy, in nats.

    The last chunk overlaps its predecessor, whose rows count once.
    """
    n, care = centres.n, care_of(centres, queries)
    if rows >= n:
        return of_chunk(queries, centres.span(0, n), care), care.error

    def step(sums: Sums, number):
        start = jnp.minimum(number * rows, n - rows)
        chunk = centres.span(start, rows)
        fresh = start + jax.lax.iota(jnp.int32, rows) >= number * rows
        chunk = chunk._replace(log_weights=jnp.where(fresh, chunk.log_weights, -jnp.inf))
        found = of_chunk(queries, chunk, care)
        return joined(queries, sums, found._replace(leader=found.leader + start)), None

    return jax.lax.scan(step, nothing(queries), jax.lax.iota(jnp.int32, -(-n // rows)))[0], care.error


def concluded(centres, queries: Queries, sums: Sums, error: Float[Array, "batch"], sigma) -> Posterior:
    """The posterior from complete sums, in the dtype of the centres; `error` bounds that of an energy, in nats."""
    unit, centre = (part.astype(sums.Z.dtype) for part in (centres.unit, centres.centre))
    clean, alpha = queries.clean, queries.alpha
    log_Z = sums.top + jnp.log(sums.Z)
    m = sums.M1 / sums.Z[:, None]
    displacement = alpha[:, None] * m - queries.away
    # without noise a query is on a point up to rounding or not at all
    noise = 4 * unit_of(m) * (jnp.abs(queries.away) + alpha[:, None] * jnp.abs(m))
    displacement = jnp.where(clean[:, None] & (jnp.abs(displacement) <= noise), 0, displacement)
    on_point = jnp.all(displacement == 0, axis=1) & (-2 * sums.top <= queries.tie)
    safe = jnp.where(clean, 1, sigma)
    log_prob = log_Z - centres.d * jnp.log(safe * (2 * jnp.pi) ** 0.5)
    leader_weight = sums.best / sums.Z
    found = Posterior(
        log_prob=jnp.where(clean, jnp.where(on_point, jnp.inf, -jnp.inf), log_prob),
        mean=centre[None] + unit * m,
        displacement=unit * displacement,
        entropy=jnp.log(sums.Z) - sums.U / sums.Z,
        participation=sums.Z * sums.Z / sums.P,
        leader=sums.leader,
        leader_weight=leader_weight,
        spread=unit * unit * jnp.maximum(sums.M2 / sums.Z - jnp.sum(m * m, axis=1), 0),
        discarded=jnp.where(clean, 0, _moved_weight(error, leader_weight)),
    )
    return jax.tree.map(lambda leaf: leaf.astype(centres.dtype if leaf.dtype != jnp.int32 else jnp.int32), found)


def _moved_weight(error, leader_weight):
    """Bound on the total variation of weights whose energies are wrong by up to `error` nats: tanh(error/2), and less
    where one of them holds nearly everything.
    """
    error = jnp.minimum(error, 50)
    return jnp.minimum(jnp.tanh(error / 2), jnp.expm1(2 * error) * jnp.exp(2 * error) * (1 - leader_weight))
