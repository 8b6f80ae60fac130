"""Sums at low noise: a single-precision product finds the few centres that can matter, double precision weighs them."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from ..arithmetic import unit_of
from .base import fresh_chunk
from .energies import Queries, by_product, rounding
from .sums import FINEST, Sums, joined, nothing, of_chunk

LARGE = 1 << 23  # coordinates of all centres from which looking twice pays
BLOCK = 16  # centres that are kept or left out together
GROUP = 64  # blocks weighed at a time
FEW = 1 / 5  # share of blocks that may matter to some query, beyond which everything is weighed
LOCAL = 1 / 8  # share of a chunk's blocks that may matter to one query on average: it tells collapse from sharing
STEEP = 1e30  # largest (unit/sigma)^2 with which single-precision logits are finite
MARGIN = 8.0  # nats by which a block that is left out is further below the rounding unit


def pays(centres, rows: int) -> bool:
    """Whether single-precision centres are many enough, and cut into whole blocks."""
    return centres.n * centres.d >= LARGE and rows % BLOCK == 0 and centres.dtype == jnp.float32


def sparse_sums(centres, queries: Queries, rows: int, everything) -> Sums:
    """The sums over the blocks that hold a centre within `log n - log u` nats of the best of some query, wider by the
    rounding of the logits (what is left out holds less than u of the weight), or `everything()` where these are many.
    """
    unit = unit_of(centres.radius)
    window = math.log(centres.n) - math.log(unit) + MARGIN + 2 * rounding(queries, unit, queries.radius)
    kept = lambda best: best >= (jnp.max(best, axis=1) - window)[:, None]  # noqa: E731

    def best_of_blocks(number):
        chunk = fresh_chunk(centres, rows, number)
        logits = by_product(queries, chunk, centres.dtype)
        return jnp.max(logits.reshape(len(logits), -1, BLOCK), axis=2).astype(queries.away.dtype)

    def few():
        best = jax.lax.map(best_of_blocks, jax.lax.iota(jnp.int32, -(-centres.n // rows)))
        mask = jnp.any(kept(jnp.moveaxis(best, 1, 0).reshape(best.shape[1], -1)), axis=0)
        return _sums_over_blocks(centres, queries, rows, mask)

    # two chunks, since one may hold the very points that the queries were made from
    probes = jnp.asarray(sorted({0, -(-centres.n // rows) // 2}), jnp.int32)
    seen = jax.lax.map(lambda number: kept(best_of_blocks(number)), probes)
    share, count = jnp.max(jnp.mean(seen, axis=(1, 2))), jnp.max(jnp.sum(seen, axis=(1, 2), dtype=jnp.int32))
    # below this noise logits leave the range of single precision
    many = jnp.any(queries.beta > STEEP) | (share > LOCAL) | (count > int(FEW * centres.n / BLOCK))
    return jax.lax.cond(many, everything, few)


def _sums_over_blocks(centres, queries: Queries, rows: int, mask: Bool[Array, "blocks"]) -> Sums:
    """The sums over the blocks of the mask, a group at a time."""
    count, blocks = jnp.sum(mask, dtype=jnp.int32), len(mask)
    # behind the last one that is kept, blocks of a chunk that does not exist
    order = jnp.flatnonzero(mask, size=blocks + GROUP, fill_value=blocks).astype(jnp.int32)

    def add(carry):
        done, sums = carry
        number, place = jnp.divmod(jax.lax.dynamic_slice_in_dim(order, done, GROUP), rows // BLOCK)
        first = jnp.minimum(number * rows, centres.n - rows) + place * BLOCK
        numbers = first[:, None] + jax.lax.iota(jnp.int32, BLOCK)[None]
        # no rows that the chunk before has
        fresh = (numbers >= (number * rows)[:, None]).ravel()
        chunk = centres.take(numbers.ravel())
        chunk = chunk._replace(log_weights=jnp.where(fresh, chunk.log_weights, -jnp.inf))
        return done + GROUP, joined(sums, of_chunk(queries, FINEST, chunk), queries)

    return jax.lax.while_loop(lambda carry: carry[0] < count, add, (jnp.zeros_like(count), nothing(queries)))[1]
