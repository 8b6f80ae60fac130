"""The contract of the ways to compute a sum over centres."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from ..checks import as_values, check_points, check_weights
from ..level import float_dtype
from ..representation import one_line
from .centres import AbstractCentres, Chunk, centres_of


class Posterior(NamedTuple):
    """One pass over the centres at a query x: everything that the weights `w_i = exp(-E_i) / sum_j exp(-E_j)` say about
    x_0.
    """

    log_prob: Float[Array, "*batch"]
    """log p(x) at this level, in nats; a log-density, so it may be positive."""
    mean: Float[Array, "*shape"]
    """D(x) = E[x_0 | x]."""
    displacement: Float[Array, "*shape"]
    """alpha D - x = sigma^2 score, formed without cancellation."""
    entropy: Float[Array, "*batch"]
    """Shannon entropy of the weights, in nats: 0 when one centre holds everything, log n when all are equal."""
    participation: Float[Array, "*batch"]
    """1 / sum_i w_i^2, the effective number of centres, between 1 and n."""
    leader: Int[Array, "*batch"]
    """Index of the heaviest centre."""
    leader_weight: Float[Array, "*batch"]
    """Its weight."""
    spread: Float[Array, "*batch"]
    """Trace of the posterior covariance of x_0, in squared data units; known to a few roundings of E[|x_0 - c|^2 | x],
    c the centre that the points are stored about.
    """
    discarded: Float[Array, "*batch"]
    """Bound on the total variation of the weights that rounding of the energies may have caused; 0 where none can."""

    __repr__ = one_line


class AbstractReduction(eqx.Module):
    """How the posterior over centres is computed, for a batch of flat queries; `gibbs` supplies derivatives and vmap.

    Subclass requirements: hashable (static fields only); `posterior`, accurate in the dtype of the centres whatever the
    size of the energies; and `rows`.
    """

    @abstractmethod
    def posterior(
        self,
        centres: AbstractCentres,
        x: Float[Array, "batch d"],
        alpha: Float[Array, "batch"],
        sigma: Float[Array, "batch"],
    ) -> Posterior:
        """The posterior of each query, with `log Z = log sum_i exp(-E_i)` in the place of log p, from which the score
        takes (d/2) log(2 pi sigma^2); sigma = 0 gives the nearest centre, ties shared by weight.
        """

    @abstractmethod
    def rows(self, n: int, d: int) -> int:
        """Centres treated at a time in the passes that follow, which bounds their memory: batch x rows."""

    def hold(self, points: ArrayLike, weights: ArrayLike | None) -> tuple[AbstractCentres, tuple, int]:
        """What a score keeps of points (n, *shape) and weights (n,): centres, which may be followed by others without
        weight, the event shape, and n. Raises ValueError for no training set.
        """
        points = as_values("points", points)
        weights = None if weights is None else as_values("weights", weights)
        check_points(points)
        n, *shape = np.shape(points)
        check_weights(weights, n)
        dtype = float_dtype(points)
        points, weights = self.place(points, weights)
        return centres_of(points, weights, dtype), tuple(shape), n

    def place(self, points: ArrayLike, weights: ArrayLike | None) -> tuple[ArrayLike, ArrayLike | None]:
        """Points (n, *shape) and their weights where this reduction wants them, possibly followed by points of weight
        0; by default as they are.
        """
        return points, weights

    def fold(self, function: Callable, join: Callable, centres: AbstractCentres, *arguments: Any) -> Any:
        """`function(part, *arguments)` of the parts that the centres are kept in, one by default, two of which
        `join(one, other, *arguments)` makes one.
        """
        return function(centres, *arguments)


def over_chunks(centres: AbstractCentres, rows: int, found: Callable[[Chunk], Any], join: Callable, nothing: Any):
    """`found(chunk)` of the chunks that `fresh_chunk` cuts, two of which `join(one, other)` makes one; `nothing` is
    what no centres give.
    """
    if rows >= centres.n:
        return found(centres.span(0, centres.n))
    step = jax.checkpoint(lambda sums, number: (join(sums, found(fresh_chunk(centres, rows, number))), None))
    return jax.lax.scan(step, nothing, jax.lax.iota(jnp.int32, -(-centres.n // rows)))[0]


def fresh_chunk(centres: AbstractCentres, rows: int, number: Int[ArrayLike, ""]) -> Chunk:
    """Chunk number `number`; the last one overlaps its predecessor, whose centres have weight 0 and the number -1."""
    start = jnp.minimum(number * rows, centres.n - rows)
    fresh = start + jax.lax.iota(jnp.int32, rows) >= number * rows
    chunk = centres.span(start, rows)
    kept = lambda part, void: jnp.where(fresh, part, void)  # noqa: E731
    weights, log_weights = kept(chunk.weights, 0), kept(chunk.log_weights, -jnp.inf)
    return chunk._replace(weights=weights, log_weights=log_weights, numbers=kept(chunk.numbers, -1))
