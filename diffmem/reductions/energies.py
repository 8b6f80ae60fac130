"""The energies of a batch of queries, in as many digits as they need.

With offsets o_i = (y_i - c)/unit and a = (x - alpha c)/unit the energy of centre i is

    E_i = |x - alpha y_i|^2 / (2 sigma^2) - log w_i = beta |a - alpha o_i|^2 / 2 - log w_i,   beta = (unit/sigma)^2.

By matrix product -E_i is `beta alpha^2 (<a/alpha, o_i> - |o_i|^2 / 2) + log w_i` up to a term that all centres share.
Its rounding is about `u beta alpha R (|a| + alpha R)`, R the largest offset and u the rounding unit. So points of
single precision are multiplied in single precision where that is enough and in double precision elsewhere, and points
of double precision are subtracted where the product in double precision is not enough.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ..arithmetic import dot, minus_product, unit_of
from .centres import Chunk
from .plan import Energies

# beta alpha R (|a| + alpha R), R the largest offset, up to which a product in the points' own precision is accurate:
# weights are then wrong by 1e-6 in single precision, measured for 64 to 12,288 coordinates, and by 1e-12 in
# double, for 1 to 3,072.
ENOUGH = {4: 200.0, 8: 2e4}
# rounding of alpha^2 |o|^2 against d sigma^2, the size of |alpha D - x|^2, that the second product may cause
BLURRED = 1e-5
SEPARATE = 4  # coordinates up to which XLA is faster with a term for each than with an array of differences
TIED = 8.0  # roundings by which squared distances may differ that are taken for equal at sigma = 0
MOST = {4: 1e30, 8: 1e200}  # largest beta
# alpha over |a| below which alpha |o|^2 is nothing beside <a, o>, and above which a/alpha is in range
FAINT = {4: 1e-12, 8: 1e-24}
RUNS = 8  # a sum of d products is wrong by some (4 + sqrt(d) / RUNS) expected roundings at most


class Queries(NamedTuple):
    """Queries in units of the offsets, and the precision of their sums: the one that the worst of them needs."""

    away: Float[Array, "batch d"]
    """a."""
    squares: Float[Array, "batch"]
    """|a|^2."""
    alpha: Float[Array, "batch"]
    beta: Float[Array, "batch"]
    """1 at sigma = 0, where energies are squared distances."""
    clean: Bool[Array, "batch"]
    """Whether sigma = 0."""
    radius: Float[Array, ""]
    """R."""
    energies: Bool[Array, ""]
    """Whether energies need more than a product in the precision of the centres."""
    moments: Bool[Array, ""]
    """Whether the second product needs double precision."""
    product: Bool[Array, ""]
    """Whether energies are taken by a product, not by differences."""
    unit: Float[Array, ""]
    """Rounding unit of the energies."""
    shared: Float[Array, "batch"]
    """Energy `beta |a|^2 / 2` that all centres share and a product leaves out; 0 for differences."""


def queries_of(centres, x: Float[Array, "batch d"], alpha, sigma, wanted: Energies = "auto") -> Queries:
    """The queries seen from the common centre, in the precision of x, alpha and sigma."""
    centre, unit, radius = (part.astype(x.dtype) for part in (centres.centre, centres.unit, centres.radius))
    clean, own, finest = sigma == 0, unit_of(centres.radius), unit_of(x)
    scale = unit / jnp.where(clean, unit, sigma)
    beta = jnp.minimum(scale * scale, MOST[x.dtype.itemsize])
    away = minus_product(x, alpha[:, None], centre[None]) / unit
    squares = jnp.sum(away * away, axis=1)
    size, steepest = jnp.max(alpha) * radius, jnp.max(beta)
    reach = steepest * size * (jnp.sqrt(jnp.max(squares)) + size)
    # a query that is not finite takes no digits from the others of its batch
    energies = jnp.any(clean) | ~(reach <= ENOUGH[centres.dtype.itemsize])
    moments = jnp.any(clean) | ~(own * steepest * size * size <= BLURRED * centres.d)
    single = centres.dtype != x.dtype
    moments = moments | (single and wanted == "double")
    energies = energies | moments
    product = jnp.asarray(True) if single else ~energies
    rounding_unit = jnp.where(energies, finest, own).astype(x.dtype)
    shared = jnp.where(product, beta / 2 * squares, 0)
    return Queries(away, squares, alpha, beta, clean, radius, energies, moments, product, rounding_unit, shared)


def by_product(queries: Queries, chunk: Chunk, dtype) -> Float[Array, "batch rows"]:
    """-E_i up to the shared energy, by a matrix product in this precision; at sigma = 0 without the weights."""
    # one term for each centre and one factor for each query, which XLA takes in one pass with the product
    alpha = jnp.maximum(queries.alpha, FAINT[jnp.dtype(dtype).itemsize] * jnp.sqrt(queries.squares))
    ray = queries.away / jnp.where(alpha > 0, alpha, 1)[:, None]
    factor = jnp.minimum(queries.alpha * alpha * queries.beta, float(jnp.finfo(dtype).max) / 2).astype(dtype)
    halves = (chunk.squares.astype(dtype) + chunk.squares_low.astype(dtype)) / 2
    products = dot(ray.astype(dtype), chunk.offsets.astype(dtype).T) - halves[None]
    return products * factor[:, None] + log_weights(queries, chunk, dtype)


def by_differences(queries: Queries, chunk: Chunk) -> Float[Array, "batch rows"]:
    """-E_i by differences, coordinate by coordinate; at sigma = 0 without the weights."""
    dtype = queries.away.dtype
    squares = squared_distances(queries.away, queries.alpha, chunk.offsets.astype(dtype))
    return -queries.beta[:, None] / 2 * squares + log_weights(queries, chunk, dtype)


def squared_distances(x: Float[Array, "batch d"], alpha: Float[Array, "batch"], y: Float[Array, "rows d"]):
    """|x - alpha y_i|^2 by differences."""
    alpha = alpha[:, None]
    if y.shape[1] <= SEPARATE:
        return sum((x[:, k, None] - alpha * y[None, :, k]) ** 2 for k in range(y.shape[1]))
    return jnp.sum((x[:, None] - alpha[:, None] * y[None]) ** 2, axis=2)


def rounding(queries: Queries, unit, size: Float[Array, "*sizes"]) -> Float[Array, "batch"]:
    """Bound on the error, in nats, of energies by products of this rounding unit, for offsets of this size."""
    reach = queries.alpha * size * (jnp.sqrt(queries.squares) + queries.alpha * size)
    return (4 + queries.away.shape[1] ** 0.5 / RUNS) * unit * queries.beta * reach


def tie(queries: Queries, top: Float[Array, "batch"]) -> Float[Array, "batch"]:
    """Difference below which half squared distances are equal at sigma = 0: `shared - top` is the smallest of them."""
    distance = jnp.sqrt(jnp.maximum(2 * (queries.shared - top), 0))
    return indistinct(distance, jnp.sqrt(queries.squares), unit_of(top), queries.product)


def indistinct(distance, away, unit: float, product):
    """What rounding may make of half the square of `distance`, from a query of size `away` to a centre: a product
    rounds the squares of which it is made, a difference `a - alpha o` its two parts.
    """
    reach = distance + away
    return TIED * unit * reach * jnp.where(product, reach, distance + unit * reach)


def log_weights(queries: Queries, chunk: Chunk, dtype) -> Float[Array, "batch rows"]:
    """log w_i, and at sigma = 0 only whether there is a weight: 0 or -inf."""
    present = jnp.where(jnp.isneginf(chunk.log_weights), -jnp.inf, 0).astype(dtype)
    return jnp.where(queries.clean[:, None], present[None], chunk.log_weights.astype(dtype)[None])
