"""The reduction for any number of stored centres: matrix products, a chunk at a time."""

from functools import partial, reduce
from typing import get_args

import equinox as eqx
import jax
from jaxtyping import Array, Float

from ..arithmetic import in_double
from ..batches import in_pieces
from .base import AbstractReduction, AnyCentres
from .energies import care_of, queries_of
from .plan import Energies, plan
from .posterior import Posterior
from .sparse import pays, sparse_sums
from .sums import concluded, joined, sums_over


class Chunked(AbstractReduction):
    """Energies by matrix product over chunks of centres, in the precision that each batch needs (see `energies`).

    `size` is the number of centres in a chunk and `queries` the number of queries in a block (None: see `plan`).
    `energies` is "auto" (double precision where single is not enough), "double" (everywhere) or "single", for hardware
    without double precision: `Posterior.discarded` then reports what rounding may have done to the weights.
    Cost: two products of (batch, d) by (d, n). Memory: a block of logits. Raises ValueError for sizes below 1 and other
    values of `energies`.
    """

    size: int | None = eqx.field(static=True, default=None)
    queries: int | None = eqx.field(static=True, default=None)
    energies: Energies = eqx.field(static=True, default="auto")

    def __check_init__(self):
        if self.energies not in get_args(Energies):
            raise ValueError(f"`energies` must be 'auto', 'single' or 'double', but is {self.energies!r}.")
        for name in ("size", "queries"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"`{name}` must be at least 1, but is {value}.")

    def rows(self, n: int, d: int) -> int:
        """The chunk."""
        return min(n, self.size or plan(n, d, 4, jax.default_backend()).rows)

    def posterior(self, centres: AnyCentres, x: Float[Array, "batch d"], alpha, sigma) -> Posterior:
        """The posterior of each query."""
        rows = self.rows(centres.n, centres.d)
        most = self.queries or plan(centres.n, centres.d, 4, jax.default_backend()).queries
        return streamed(self, centres, x, alpha, sigma, rows, most, self.energies)


def streamed(
    reduction: AbstractReduction,
    centres: AnyCentres,
    x,
    alpha,
    sigma,
    rows: int,
    most: int,
    energies: Energies = "auto",
) -> Posterior:
    """The posterior of each query, `rows` centres and at most `most` queries at a time, over the reduction's parts."""

    def block(centres, x, alpha, sigma):
        queries = queries_of(centres, x, alpha, sigma)

        care = care_of(centres, queries, energies)

        def of_part(part, start, queries, care):
            everything = partial(sums_over, part, queries, rows, care)
            if pays(part, rows):
                few = partial(sparse_sums, part, queries, rows, care, everything)
                sums = jax.lax.cond(care.energies, few, everything)
            else:
                sums = everything()
            return sums._replace(leader=sums.leader + start)

        def join(stacked, queries, care):
            parts = [jax.tree.map(lambda leaf, i=i: leaf[i], stacked) for i in range(len(stacked.Z))]
            return reduce(partial(joined, queries, care), parts)

        return concluded(centres, queries, reduction.fold(of_part, join, centres, queries, care), care)

    whole = partial(in_pieces, block, most)
    if energies == "single":
        return whole(centres, x, alpha, sigma)
    return in_double(whole, centres, x, alpha, sigma)
