"""The energies of a batch of queries, in as many digits as they need.

With offsets o_i = (y_i - c)/unit and a = (x - alpha c)/unit the energy of centre i is

    E_i = |x - alpha y_i|^2 / (2 sigma^2) - log w_i = beta |a - alpha o_i|^2 / 2 - log w_i,   beta = (unit/sigma)^2.

By matrix product -E_i is `beta (alpha <a, o_i> - alpha^2 |o_i|^2 / 2) + log w_i` up to a term that all centres share.
Its rounding is about `u beta alpha R (|a| + alpha R)`, R the largest offset and u the rounding unit: far below a nat in
single precision at high noise, and in double precision down to sigma = 1e-6 R. So single-precision points are multiplied
in single precision where that is enough and in double precision elsewhere, and double-precision points are subtracted
where the product in double precision is not enough.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .arithmetic import dot, unit_of
from .centres import Chunk

ENOUGH = 100.0  # beta alpha R (|a| + alpha R) up to which a product in the points' own precision is accurate: the weights
# of many centres are then wrong by 1e-6 in single precision (.16 u of it, measured for 64 to 12,288 coordinates)
TIED = 8.0  # roundings by which energies may differ that are taken for equal at sigma = 0
INDIFFERENT = 1e-30  # factor of log w_i at sigma = 0: a centre without weight is out, the others do not depend on weight
MOST = {4: 1e30, 8: 1e200}  # largest beta
RUNS = 8  # a sum of d products is wrong by some (4 + sqrt(d) / RUNS) expected roundings at most

SHARP = 1e-5  # relative error of the posterior variance, in units of d (sigma/alpha)^2, that the second product may cause


class Care(NamedTuple):
    """In which precision the sums of a batch are taken."""

    energies: Bool[Array, ""]
    """Whether energies need more than a product in the precision of the centres."""
    moments: Bool[Array, ""]
    """Whether the second product needs double precision."""
    error: Float[Array, "batch"]
    """Bound on the rounding of an energy, in nats."""


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

    @property
    def reach(self) -> Float[Array, "batch"]:
        """alpha R (|a| + alpha R), of which an energy's rounding is a multiple."""
        size = self.alpha * self.radius
        return size * (jnp.sqrt(self.squares) + size)

    @property
    def tie(self) -> Float[Array, "batch"]:
        """Difference below which two energies at sigma = 0 are equal."""
        return TIED * unit_of(self.away) * self.reach


def queries_of(centres, x: Float[Array, "batch d"], alpha, sigma) -> Queries:
    """The queries seen from the common centre, in the precision of x, alpha and sigma."""
    centre, unit, radius = (part.astype(x.dtype) for part in (centres.centre, centres.unit, centres.radius))
    clean = sigma == 0
    scale = unit / jnp.where(clean, unit, sigma)
    beta = jnp.minimum(scale * scale, MOST[x.dtype.itemsize])
    return Queries((x - alpha[:, None] * centre[None]) / unit, alpha, beta, clean, radius)


def by_product(queries: Queries, chunk: Chunk, dtype) -> Float[Array, "batch rows"]:
    """-E_i up to `shared_energy`, by a matrix product in this precision."""
    tilt = ((queries.alpha * queries.beta)[:, None] * queries.away).astype(dtype)
    bend = (queries.alpha * queries.alpha * queries.beta / 2).astype(dtype)
    squares = chunk.squares.astype(dtype) + chunk.squares_low.astype(dtype)
    products = dot(tilt, chunk.offsets.astype(dtype).T) - bend[:, None] * squares[None]
    return products + _log_weights(queries, chunk, dtype)


def by_differences(queries: Queries, chunk: Chunk) -> Float[Array, "batch rows"]:
    """-E_i without its cancellation: by differences, coordinate by coordinate."""
    dtype = queries.away.dtype
    offsets = chunk.offsets.astype(dtype)
    between = queries.away[:, None, :] - queries.alpha[:, None, None] * offsets[None]
    return -queries.beta[:, None] / 2 * jnp.sum(between * between, axis=2) + _log_weights(queries, chunk, dtype)


def shared_energy(queries: Queries) -> Float[Array, "batch"]:
    """`beta |a|^2 / 2`, which the product leaves out."""
    return queries.beta / 2 * queries.squares


def care_of(centres, queries: Queries) -> Care:
    """The precision that a batch needs, and the bound on the rounding of its energies."""
    wide, clean = queries.away.dtype, jnp.any(queries.clean)
    # of the worst query, so that these are numbers and not arrays
    size, beta = jnp.max(queries.alpha) * queries.radius, jnp.max(queries.beta)
    energies = clean | (beta * size * (jnp.sqrt(jnp.max(queries.squares)) + size) > ENOUGH)
    own, finest = unit_of(centres.radius), unit_of(queries.away)
    # the rounding of |o|^2 against the natural size of the posterior variance
    moments = clean | (own * beta * size * size > SHARP * centres.d)
    terms = (4 + centres.d**0.5 / RUNS) * queries.beta * queries.reach
    fine = finest * terms
    if centres.dtype == wide:
        # differences are wrong by a few roundings of the energy itself
        fine = 8 * finest * shared_energy(queries)
    return Care(energies, moments, jnp.where(energies, fine, own * terms))


def _log_weights(queries: Queries, chunk: Chunk, dtype) -> Float[Array, "batch rows"]:
    share = jnp.where(queries.clean, INDIFFERENT, 1).astype(dtype)
    return share[:, None] * chunk.log_weights.astype(dtype)[None]
