"""Nearest neighbours on an accelerator: candidates and their exact distances are computed there."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Real

from ...arithmetic import dot
from ...batches import equal_batches

SELECTED = 16  # candidates up to which XLA selects on a GPU; for more it sorts all, which costs more than the product
SPARE = 8  # candidates beyond the k nearest at least: the result is proven unless more distances nearly agree
WORTH = 1 << 30  # products above which it is faster to bring points to the accelerator
ENTRIES = 1 << 28  # screened distances held at a time
GATHERED = 1 << 26  # coordinates of candidates held at a time in double precision
HELD = 16 * ENTRIES + 16 * GATHERED  # bytes beside two copies of the points, at most


class Found(NamedTuple):
    """The result of a search on the device."""

    squares: Float[np.ndarray, "count k"]
    """Squared distances in float64, ascending."""
    index: Int[np.ndarray, "count k"]
    settled: Bool[np.ndarray, "count"]
    """Whether it is proven that no other point is nearer; the other queries are left to the search on the host."""


def pays(queries: Real[np.ndarray | Array, "count d"], points: Real[np.ndarray | Array, "n d"]) -> bool:
    """Whether there is an accelerator, the search is large, and single precision holds the points exactly, of which two
    copies fit into the accelerator's memory.
    """
    if jax.default_backend() == "cpu" or queries.size * len(points) < WORTH:
        return False
    memory = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit", np.inf)
    exact = all(np.can_cast(side.dtype, np.float32) for side in (queries, points))
    return exact and 8 * points.size + HELD <= memory


def search(queries: Real[np.ndarray | Array, "count d"], points: Real[np.ndarray | Array, "n d"], k: int) -> Found:
    """The k nearest points of each query: a float32 product screens, float64 differences of some candidates decide.

    A query is settled where the bound on the product's rounding proves that no other point is as near as the k-th
    candidate. Ordered by distance and then by index. Cost: one float32 product and a partial sort on the device.
    """
    n, d = len(points), points.shape[1]
    candidates = candidates_of(k, n)
    block = max(1, min(len(queries), ENTRIES // n, GATHERED // (candidates * d)))
    rows, parts = jnp.asarray(points, jnp.float32), []
    centre = jnp.mean(rows[:: max(1, n // 1024)], axis=0)
    largest = jnp.maximum(jnp.max(jnp.abs(rows)), jnp.max(jnp.abs(jnp.asarray(queries, jnp.float32))))
    # half of a power of two above every coordinate: squares neither over- nor underflow
    scale = jnp.where(largest > 0, jnp.frexp(largest)[0] / jnp.where(largest > 0, largest, 1), 1) / 2
    for place, kept in equal_batches(len(queries), block):
        with jax.enable_x64(True):
            found = _block(jnp.asarray(queries[place], jnp.float32), rows, centre, scale, k, candidates)
            parts.append([np.asarray(part)[:kept] for part in found])
    return Found(*(np.concatenate(part) for part in zip(*parts)))


def candidates_of(k: int, n: int) -> int:
    """How many points of each query are looked at in double precision."""
    return min(n, SELECTED if k + SPARE <= SELECTED else k + SELECTED)


@partial(jax.jit, static_argnums=(4, 5))
def _block(queries: Float[Array, "block d"], rows: Float[Array, "n d"], centre, scale, k: int, candidates: int):
    d, unit = rows.shape[1], 2.0**-24
    a, b = ((side - centre[None]) * scale for side in (queries, rows))
    a_squares, b_squares = jnp.sum(a * a, axis=1), jnp.sum(b * b, axis=1)
    screened = b_squares[None] / 2 - dot(a, b.T)
    value, index = jax.lax.top_k(-screened, candidates)
    index = index.astype(jnp.int32)
    between = queries.astype(jnp.float64)[:, None] - rows[index].astype(jnp.float64)
    squares = jnp.sum(between * between, axis=2)
    squares, index = jax.lax.sort((squares, index), dimension=1, num_keys=2)
    # |x - y|^2 scale^2 = 2 screened + |a|^2, up to the rounding of the product, the norms and the coordinates
    norm, most = jnp.sqrt(a_squares), jnp.sqrt(jnp.max(b_squares))
    error = (d + 8) * unit * most * (norm + most) + 8 * unit * (norm + most) ** 2
    others = 2 * (-value[:, -1] - error) + a_squares
    last = squares[:, k - 1] * scale.astype(jnp.float64) ** 2
    settled = (last < others.astype(jnp.float64)) | (candidates == rows.shape[0])
    return squares[:, :k], index[:, :k], settled
