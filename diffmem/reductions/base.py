"""What a Gibbs sum over centres reports, and the contract of the ways to compute it."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from ..level import float_dtype, strong
from .centres import AnyCentres, Centres, centred
from .checks import check_points, check_weights


class Posterior(NamedTuple):
    """One pass over the centres at a query x: everything the weights `w_i = exp(-E_i) / sum_j exp(-E_j)` say about
    x_0.
    """

    log_prob: Float[Array, ""]
    """log p(x) at this level, in nats; a log-density, so it may be positive."""
    mean: Float[Array, "*shape"]
    """D(x) = E[x_0 | x]."""
    displacement: Float[Array, "*shape"]
    """alpha D - x = sigma^2 score, formed as a weighted mean of differences."""
    entropy: Float[Array, ""]
    """Shannon entropy of the weights, in nats: 0 when one centre holds everything, log n when all are equal."""
    participation: Float[Array, ""]
    """1 / sum_i w_i^2, the effective number of centres, between 1 and n."""
    leader: Int[Array, ""]
    """Index of the heaviest centre."""
    leader_weight: Float[Array, ""]
    """Its weight."""
    discarded: Float[Array, ""]
    """Certified bound on the posterior mass left out; 0 for exact reductions."""


class Gibbs(NamedTuple):
    """The Gibbs average over centres at one flat query, before it is dressed as a Posterior."""

    log_partition: Float[Array, ""]
    """log sum_i w_i exp(-|x - alpha y_i|^2 / (2 sigma^2))."""
    mean: Float[Array, "d"]
    """Mean of the centres' offsets: D minus the common centre."""
    displacement: Float[Array, "d"]
    """alpha D - x."""
    spread: Float[Array, ""]
    """Trace of the posterior covariance, sum_i w_i |y_i - D|^2."""
    entropy: Float[Array, ""]
    participation: Float[Array, ""]
    leader: Int[Array, ""]
    leader_weight: Float[Array, ""]
    discarded: Float[Array, ""]


class Held(NamedTuple):
    """What a score keeps of its training set."""

    centres: AnyCentres
    shape: tuple[int, ...]
    """The event shape."""
    n: int
    """Number of points; more centres may follow, without weight."""


class AbstractReduction(eqx.Module):
    """How `sum_i w_i exp(-|x - alpha y_i|^2 / (2 sigma^2))` and its averages are computed, for one query at a time.

    Subclass requirements: hashable (static fields only); `gibbs` accurate in the dtype of the centres whatever the size
    of the
    energies, and correct under `jax.vmap`. Derivatives are not its business: `reductions.gibbs` supplies them in closed
    form.
    """

    def chosen(self, points: ArrayLike) -> "AbstractReduction":
        """The reduction that is used for these points: itself, but for `Auto`."""
        return self

    def hold(self, points: ArrayLike, weights: ArrayLike | None) -> "Held":
        """What a score keeps of points (n, *shape) and weights (n,); raises ValueError for those that are no training
        set.
        """
        check_points(points)
        n, *shape = np.shape(points)
        check_weights(weights, n)
        points, weights = self.place(points, weights)
        flat = strong(points, float_dtype(points)).reshape(np.shape(points)[0], -1)
        weights = jnp.ones(len(flat), flat.dtype) if weights is None else strong(weights, flat.dtype)
        centres = jax.jit(centred)(flat, weights)
        return Held(centres._replace(index=self.prepare(centres)), tuple(shape), n)

    def place(self, points: ArrayLike, weights: ArrayLike | None) -> tuple[ArrayLike, ArrayLike | None]:
        """Points (n, *shape) and their weights where this reduction wants them, possibly followed by points of weight
        0; by default as they are.
        """
        return points, weights

    def fold(self, function: Callable, join: Callable | None, centres: AnyCentres, *arguments: Any) -> Any:
        """`function(part, start, *arguments)` over the parts that the centres are kept in; by default one.

        `start` is the number of the part's first centre. What the parts return is stacked in their order and goes
        through `join(stacked, *arguments)`; without `join` it is added up. A single part is neither stacked nor joined.
        """
        return function(centres, 0, *arguments)

    def at(self, centres: AnyCentres, i: Int[Array, ""]) -> tuple[Float[Array, "d"], Float[Array, ""]]:
        """Offset and log-weight of centre number i."""
        return centres.at(i)

    def prepare(self, centres: Centres) -> Any:
        """What `gibbs` wants to know of the centres beforehand, kept in `centres.index`; by default nothing."""
        return ()

    @abstractmethod
    def rows(self, n: int, d: int) -> int:
        """Centres treated at a time, which bounds the extra memory: batch x rows."""

    @abstractmethod
    def gibbs(
        self, centres: AnyCentres, x: Float[Array, "d"], alpha: Float[Array, ""], sigma: Float[Array, ""]
    ) -> Gibbs:
        """The Gibbs average at one flat query x; sigma = 0 gives the nearest centre, ties shared by weight."""
