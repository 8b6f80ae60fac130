"""The reduction for any number of stored centres: matrix products, a chunk at a time."""

from abc import abstractmethod
from functools import partial
from typing import get_args

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from ..arithmetic import in_double
from ..batches import in_pieces
from ..checks import check_count, check_points
from .base import AbstractReduction, Posterior, over_chunks
from .centres import AbstractCentres
from .dense import Dense
from .energies import queries_of
from .plan import Energies, Plan, plan
from .sparse import pays, sparse_sums
from .sums import FINE, FINEST, PLAIN, concluded, joined, nothing, of_chunk

FEW = 256  # coordinates of all points up to which the formula itself is the fastest way
SMALL = 1 << 15  # coordinates up to which a second product in single precision saves less than compiling it costs


class AbstractStreamed(AbstractReduction):
    """Sums over chunks of centres by matrix product, in the precision that each block of queries needs.

    Subclass requirement: `plan`.
    """

    @abstractmethod
    def plan(self, n: int, d: int) -> Plan:
        """How many centres and queries are treated at a time, and in which precision."""

    def rows(self, n: int, d: int) -> int:
        """The chunk."""
        return self.plan(n, d).rows

    def posterior(self, centres: AbstractCentres, x: Float[Array, "batch d"], alpha, sigma) -> Posterior:
        """The posterior of each query."""
        rows, most, energies = self.plan(centres.n, centres.d)

        def block(centres, x, alpha, sigma):
            queries = queries_of(centres, x, alpha, sigma, energies)

            def of_part(part, queries):
                def sums(care):
                    found = partial(of_chunk, queries, care)
                    return over_chunks(part, rows, found, partial(joined, queries=queries), nothing(queries))

                plain, fine, finest = (partial(sums, care) for care in (PLAIN, FINE, FINEST))
                if part.dtype != queries.away.dtype:
                    if energies == "double":
                        return finest()
                    few = part.n * part.d <= SMALL
                    fine = finest if few else partial(jax.lax.cond, queries.moments, finest, fine)
                if pays(part, rows):
                    fine = partial(sparse_sums, part, queries, rows, fine)
                return jax.lax.cond(queries.energies, fine, plain)

            return concluded(centres, queries, self.fold(of_part, joined, centres, queries))

        whole = partial(in_pieces, block, most)
        return (whole if energies == "single" else partial(in_double, whole))(centres, x, alpha, sigma)


class Chunked(AbstractStreamed):
    """Energies by matrix product over chunks of centres, in the precision that each batch needs (see `energies`).

    `size` is the number of centres in a chunk and `queries` the number of queries in a block (None: see `plan`).
    `energies` is "auto" (points of single precision are multiplied in double where single is not enough), "double"
    (everywhere, without a choice) or "single", for hardware without double precision: `Posterior.discarded` then
    reports what rounding may have done to the weights.
    Cost: two products of (batch, d) by (d, n). Memory: a block of logits. Raises ValueError for sizes below 1 and other
    values of `energies`.
    """

    size: int | None = eqx.field(static=True, default=None)
    queries: int | None = eqx.field(static=True, default=None)
    energies: Energies = eqx.field(static=True, default="auto")

    def __check_init__(self):
        if self.energies not in get_args(Energies):
            raise ValueError(f"`energies` must be 'auto', 'single' or 'double', but is {self.energies!r}.")
        check_count("size", 1 if self.size is None else self.size)
        check_count("queries", 1 if self.queries is None else self.queries)

    def plan(self, n: int, d: int) -> Plan:
        """What is given, and for the rest `reductions.plan`."""
        planned = plan(n, d)
        return Plan(min(n, self.size or planned.rows), self.queries or planned.queries, self.energies)


def auto(points: ArrayLike) -> AbstractReduction:
    """`Dense` for a handful of points (n, *shape), `Chunked` with the blocks of `plan` for all others.

    The default of `Empirical`, whose attribute `reduction` says what was chosen. Splitting points over devices is left
    to `Sharded`, whose mesh is the caller's.
    """
    check_points(points)
    n, d = np.shape(points)[0], int(np.prod(np.shape(points)[1:]))
    if n * d <= FEW:
        return Dense()
    return Chunked(*plan(n, d))
