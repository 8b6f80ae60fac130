"""The energies of a batch of queries, in as many digits as they need.

With offsets o_i = (y_i - c)/unit and a = (x - alpha c)/unit the energy of centre i is

    E_i = |x - alpha y_i|^2 / (2 sigma^2) - log w_i = beta |a - alpha o_i|^2 / 2 - log w_i,   beta = (unit/sigma)^2.

By matrix product -E_i is `beta (alpha <a, o_i> - alpha^2 |o_i|^2 / 2) + log w_i` up to a term that all centres share.
Its rounding is about `u beta alpha R (|a| + alpha R)`, R the largest offset and u the rounding unit: far below a nat in
single precision at high noise, and in double precision down to sigma = 1e-6 R. So points of single precision are
multiplied in single precision where that is enough and in double precision elsewhere, and points of double precision
are subtracted where the product in double precision is not enough.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ..arithmetic import dot, unit_of
from .centres import Chunk
from .plan import Energies

# beta alpha R (|a| + alpha R), R the largest offset, up to which a product in the points' own precision is accurate.
# With R twice the size of most offsets weights are then wrong by 1e-6 in single precision (.16 u of half of it where
# many centres share the weight, measured for 64 to 12,288 coordinates).
ENOUGH = 200.0
BLURRED = (
    1e-5  # rounding of alpha^2 |o|^2 against d sigma^2, the size of |alpha D - x|^2, that the second product may cause
)
TIED = 8.0  # roundings by which squared distances may differ that are taken for equal at sigma = 0
MOST = {4: 1e30, 8: 1e200}  # largest beta
RUNS = 8  # a sum of d products is wrong by some (4 + sqrt(d) / RUNS) expected roundings at most


class Care(NamedTuple):
    """In which precision the sums of a batch are taken."""

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


class Queries(NamedTuple):
    """Queries in units of the offsets. The level is one for each query, or one for all of them."""

    away: Float[Array, "batch d"]
    """a."""
    alpha: Float[Array, "levels"]
    beta: Float[Array, "levels"]
    """(unit/sigma)^2; 1 at sigma = 0, where energies are squared distances."""
    clean: Bool[Array, "levels"]
    """Whether sigma = 0."""
    radius: Float[Array, ""]
    """R."""

    @property
    def squares(self) -> Float[Array, "batch"]:
        """|a|^2."""
        return jnp.sum(self.away * self.away, axis=1)


def queries_of(centres, x: Float[Array, "batch d"], alpha, sigma) -> Queries:
    """The queries seen from the common centre, in the precision of x, alpha and sigma."""
    centre, unit, radius = (part.astype(x.dtype) for part in (centres.centre, centres.unit, centres.radius))
    clean = sigma == 0
    scale = unit / jnp.where(clean, unit, sigma)
    beta = jnp.minimum(scale * scale, MOST[x.dtype.itemsize])
    return Queries((x - alpha[:, None] * centre[None]) / unit, alpha, beta, clean, radius)


def by_product(queries: Queries, chunk: Chunk, dtype) -> Float[Array, "batch rows"]:
    """-E_i up to the shared energy, by a matrix product in this precision; at sigma = 0 without the weights."""
    tilt = ((queries.alpha * queries.beta)[:, None] * queries.away).astype(dtype)
    bend = (queries.alpha * queries.alpha * queries.beta / 2).astype(dtype)
    squares = chunk.squares.astype(dtype) + chunk.squares_low.astype(dtype)
    products = dot(tilt, chunk.offsets.astype(dtype).T) - bend[:, None] * squares[None]
    return products + _log_weights(queries, chunk, dtype)


def by_differences(queries: Queries, chunk: Chunk) -> Float[Array, "batch rows"]:
    """-E_i by differences, coordinate by coordinate; at sigma = 0 without the weights."""
    dtype = queries.away.dtype
    offsets = chunk.offsets.astype(dtype)
    between = queries.away[:, None, :] - queries.alpha[:, None, None] * offsets[None]
    return -queries.beta[:, None] / 2 * jnp.sum(between * between, axis=2) + _log_weights(queries, chunk, dtype)


def care_of(centres, queries: Queries, wanted: Energies) -> Care:
    """The precision that a batch needs: that of its worst query, so that decisions are numbers and not arrays."""
    clean, wide = jnp.any(queries.clean), queries.away.dtype
    size, beta = jnp.max(queries.alpha) * queries.radius, jnp.max(queries.beta)
    furthest = jnp.sqrt(jnp.max(queries.squares))
    energies = clean | (beta * size * (furthest + size) > ENOUGH)
    own, finest = unit_of(centres.radius), unit_of(queries.away)
    if wanted == "double":
        energies = jnp.ones_like(energies)
    moments = clean | (own * beta * size * size > BLURRED * centres.d)
    product = jnp.asarray(True) if centres.dtype != wide else ~energies
    shared = jnp.where(product, queries.beta / 2 * queries.squares, 0)
    return Care(energies, moments, product, jnp.where(energies, finest, own).astype(wide), shared)


def rounding(queries: Queries, unit, size: Float[Array, "*sizes"]) -> Float[Array, "batch"]:
    """Bound on the error, in nats, of the energies of centres with offsets of this size by products of this rounding
    unit.
    """
    reach = queries.alpha * size * (jnp.sqrt(queries.squares) + queries.alpha * size)
    return (4 + queries.away.shape[1] ** 0.5 / RUNS) * unit * queries.beta * reach


def tie(queries: Queries, care: Care, top: Float[Array, "batch"]) -> Float[Array, "batch"]:
    """Difference below which half squared distances are equal at sigma = 0: `shared - top` is the smallest of them."""
    distance = jnp.sqrt(jnp.maximum(2 * (care.shared - top), 0))
    return indistinct(distance, jnp.sqrt(queries.squares), unit_of(top), care.product)


def indistinct(distance, away, unit: float, product):
    """What rounding may make of half the square of `distance`, from a query of size `away` to a centre.

    A product rounds the squares of which it is made, a difference `a - alpha o` its two parts: with a relative error
    that is large where the centre is near. The compiler may compute one energy twice and round it in two ways.
    """
    reach = distance + away
    return TIED * unit * reach * jnp.where(product, reach, distance + unit * reach)


def _log_weights(queries: Queries, chunk: Chunk, dtype) -> Float[Array, "batch rows"]:
    present = jnp.where(jnp.isneginf(chunk.log_weights), -jnp.inf, 0).astype(dtype)
    return jnp.where(queries.clean[:, None], present[None], chunk.log_weights.astype(dtype)[None])
