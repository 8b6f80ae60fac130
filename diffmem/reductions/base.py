"""The contract of the ways to compute a sum over centres."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from ..checks import check_points, check_weights
from ..level import float_dtype
from .centres import Centres, Chunk, centres_of
from .generated_centres import GeneratedCentres
from .posterior import Posterior

AnyCentres = Centres | GeneratedCentres


class Held(NamedTuple):
    """What a score keeps of its training set."""

    centres: AnyCentres
    shape: tuple[int, ...]
    """The event shape."""
    n: int
    """Number of points; more centres may follow, without weight."""


class AbstractReduction(eqx.Module):
    """How the posterior over centres is computed, for a batch of flat queries.

    Subclass requirements: hashable (static fields only); `posterior`, accurate in the dtype of the centres whatever the
    size of the energies; and `rows`. Derivatives and vmap are not its business: `gibbs` supplies them for all.
    """

    @abstractmethod
    def posterior(
        self,
        centres: AnyCentres,
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

    def hold(self, points: ArrayLike, weights: ArrayLike | None) -> Held:
        """What a score keeps of points (n, *shape) and weights (n,); raises ValueError for those that are no training
        set.
        """
        check_points(points)
        n, *shape = np.shape(points)
        check_weights(weights, n)
        dtype = float_dtype(points)
        points, weights = self.place(points, weights)
        return Held(centres_of(points, weights, dtype), tuple(shape), n)

    def place(self, points: ArrayLike, weights: ArrayLike | None) -> tuple[ArrayLike, ArrayLike | None]:
        """Points (n, *shape) and their weights where this reduction wants them, possibly followed by points of weight
        0; by default as they are.
        """
        return points, weights

    def at(self, centres: AnyCentres, i: Int[Array, ""]) -> Chunk:
        """Centre number i, as a chunk of one."""
        return centres.at(i)

    def fold(self, function: Callable, join: Callable, centres: AnyCentres, *arguments: Any) -> Any:
        """`function(part, start, *arguments)` over the parts that the centres are kept in; by default there is one.

        `start` is the number of the part's first centre; `join(stacked, *arguments)` makes one of what several parts
        return.
        """
        return function(centres, jnp.zeros((), jnp.int32), *arguments)


def over_chunks(centres: AnyCentres, rows: int, body: Callable[[Any, Chunk, Array], Any], initial: Any) -> Any:
    """Folds `body(carry, chunk, numbers)` over chunks of centres, as `fresh_chunk` cuts them."""
    if rows >= centres.n:
        return body(initial, centres.span(0, centres.n), jax.lax.iota(jnp.int32, centres.n))

    def step(carry, number):
        return body(carry, *fresh_chunk(centres, rows, number)), None

    return jax.lax.scan(jax.checkpoint(step), initial, jax.lax.iota(jnp.int32, -(-centres.n // rows)))[0]


def fresh_chunk(centres: AnyCentres, rows: int, number: Int[ArrayLike, ""]) -> tuple[Chunk, Int[Array, "rows"]]:
    """Chunk number `number` and the numbers of its centres; the last chunk overlaps its predecessor, and centres that
    were there have weight 0 and the number -1.
    """
    start = jnp.minimum(number * rows, centres.n - rows)
    chunk, numbers = centres.span(start, rows), start + jax.lax.iota(jnp.int32, rows)
    fresh = numbers >= number * rows
    chunk = chunk._replace(
        weights=jnp.where(fresh, chunk.weights, 0), log_weights=jnp.where(fresh, chunk.log_weights, -jnp.inf)
    )
    return chunk, jnp.where(fresh, numbers, -1)
