"""Weighted centres as they are stored: offsets from a common centre, in units of a power of two."""

from abc import abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray

from ..arithmetic import rounding_of_difference, squared_norms, uniform_double
from ..checks import is_concrete, on_host
from ..level import strong
from ..representation import one_line

SAMPLE = 255  # rows whose coordinate-wise median is the common centre: half of them may lie anywhere
BLOCK = 4096  # rows that are read at a time on the host


class Chunk(NamedTuple):
    """Some centres, in the units of their storage."""

    offsets: Float[Array, "rows d"]
    squares: Float[Array, "rows"]
    """|offsets|^2, the leading part of its digits."""
    squares_low: Float[Array, "rows"]
    """What rounding `squares` to the dtype has lost."""
    weights: Float[Array, "rows"]
    log_weights: Float[Array, "rows"]
    numbers: Int[Array, "rows"]
    """Which centres they are; -1 for one that an earlier chunk has."""

    __repr__ = one_line


class AbstractCentres(eqx.Module):
    """n weighted centres y_i = centre + unit offsets_i in R^d, stored or not: data far from the origin keep their
    digits, and data in any units (1e-30 to 1e30) have squares that a float can hold.
    """

    centre: Float[Array, "d"]
    unit: Float[Array, ""]
    """A power of two, so that no digit changes."""
    weights: Float[Array, "*n"]
    """Normalised; one number where all are equal."""
    log_weights: Float[Array, "*n"]
    """-inf where a weight is zero."""
    radius: Float[Array, ""]
    """max_i |offsets_i|, or a little more: it decides in which precision products are taken."""
    n: eqx.AbstractVar[int]

    @property
    def d(self) -> int:
        """Coordinates of one centre."""
        return self.centre.shape[0]

    @property
    def dtype(self):
        """Of the coordinates."""
        return self.unit.dtype

    @abstractmethod
    def take(self, numbers: Int[Array, "rows"]) -> Chunk:
        """The centres of these numbers."""

    @abstractmethod
    def span(self, start: Int[ArrayLike, ""], size: int) -> Chunk:
        """`size` consecutive centres."""

    def drawn(self, key: PRNGKeyArray) -> Int[Array, ""]:
        """The number of a centre drawn by weight."""
        uniform = uniform_double(key)
        with jax.enable_x64(True):
            if self.weights.ndim == 0:
                place = jnp.floor((1 - uniform) * self.n).astype(jnp.int32)
            else:
                heaps = jnp.cumsum(self.weights.astype(jnp.float64))
                place = jnp.searchsorted(heaps, (1 - uniform) * heaps[-1]).astype(jnp.int32)
            return jnp.minimum(place, self.n - 1)

    def tempered(self, beta: Float[Array, ""]) -> "AbstractCentres":
        """The centres with weights raised to the power beta (not normalised)."""
        bare = jnp.isneginf(self.log_weights)
        powers = jnp.where(bare, -jnp.inf, beta * jnp.where(bare, 0, self.log_weights))
        return eqx.tree_at(lambda centres: centres.log_weights, self, powers)


class Centres(AbstractCentres):
    """Centres that are stored."""

    offsets: Float[Array, "n d"]
    squares: Float[Array, "n"]
    squares_low: Float[Array, "n"]
    first: Int[Array, ""] | None = None
    """Number of the first one, where they are a part of all."""

    __repr__ = one_line

    @property
    def n(self) -> int:
        """Number of centres."""
        return self.offsets.shape[0]

    def take(self, numbers: Int[Array, "rows"]) -> Chunk:
        """The centres of these numbers among those that are here."""
        return self._cut(lambda part: part[numbers], numbers)

    def span(self, start: Int[ArrayLike, ""], size: int) -> Chunk:
        """`size` consecutive centres."""
        whole, numbers = size == self.n, start + jax.lax.iota(jnp.int32, size)
        return self._cut(lambda part: part if whole else jax.lax.dynamic_slice_in_dim(part, start, size), numbers)

    def reweighted(self, log_factors: Float[Array, "n"]) -> "Centres":
        """The centres with weights times `exp(log_factors)`, normalised; factors may be -inf, but not all."""
        log_weights = jax.nn.log_softmax(self.log_weights + log_factors)
        parts = jnp.exp(log_weights), log_weights
        return eqx.tree_at(lambda centres: (centres.weights, centres.log_weights), self, parts)

    def _cut(self, cut: Callable, numbers) -> Chunk:
        """A chunk of what `cut` takes from each array; a weight that all have stays one number until then."""
        parts = self.offsets, self.squares, self.squares_low, self.weights, self.log_weights
        parts = [cut(part) if part.ndim else jnp.broadcast_to(part, numbers.shape) for part in parts]
        return Chunk(*parts, numbers if self.first is None else self.first + numbers)


def centres_of(points: ArrayLike, weights: ArrayLike | None, dtype) -> Centres:
    """The centres of points (n, *shape) and weights (n,): on the host where both can be read now, else in JAX.

    The centre is per coordinate the median of some rows where every difference to it is exact, else 0: one far point
    does not move it. Raises ValueError for weights and points that `dtype` cannot hold.
    """
    n = np.shape(points)[0]
    if not all(value is None or on_host(value) for value in (points, weights)):
        return jax.jit(_centres, static_argnums=(2, 3))(strong(points, dtype).reshape(n, -1), weights, dtype, jnp)
    # only as much is copied as the dtype asks for
    rows = np.asarray(points).astype(dtype, copy=False).reshape(n, -1)
    if not all(np.isfinite(block).all() for block in _blocks(rows, np)):
        raise ValueError(f"`points` must be within the range of {np.dtype(dtype)}, but hold larger numbers.")
    given = None if weights is None else np.asarray(weights, np.float64)
    return _centres(rows, given, dtype, np)


def _centres(rows, weights, dtype, xp) -> Centres:
    """The same in the array library `xp`. Only offsets and weights are differentiated."""
    fixed = jax.lax.stop_gradient if xp is jnp else lambda value: value
    centre = fixed(xp.median(rows[:: -(-len(rows) // SAMPLE)], axis=0).astype(dtype))
    exact = [xp.all(rounding_of_difference(fixed(block), centre) == 0, axis=0) for block in _blocks(rows, xp)]
    centre = xp.where(xp.all(xp.stack(exact), axis=0), centre, 0).astype(dtype)
    offsets = rows - centre[None]
    # without a copy of the absolute values, and in place where arrays can change
    unit = unit_above(xp.maximum(xp.max(fixed(offsets)), -xp.min(fixed(offsets))), xp)
    offsets /= unit
    parts = [squared_norms(fixed(block), xp) for block in _blocks(offsets, xp)]
    squares, low = (xp.concatenate(part) for part in zip(*parts))
    weights = np.ones(()) / len(rows) if weights is None else weights
    share, log_share = normalised(weights, dtype)
    parts = centre, unit, share, log_share, xp.sqrt(xp.max(squares)), offsets, squares, low
    # `jnp.asarray` would compile a program for every shape
    return Centres(*map(jax.device_put if xp is np else jnp.asarray, parts))


def unit_above(largest, xp=jnp):
    """Half of the power of two above the largest coordinate: never out of range."""
    dtype = largest.dtype
    largest = xp.where(largest > 0, largest, 1).astype(dtype)
    return xp.maximum(largest / xp.frexp(largest)[0] / 2, np.finfo(dtype).tiny).astype(dtype)


def normalised(weights: ArrayLike, dtype):
    """Weights that add up to 1 and their logarithms (-inf for 0), in `dtype`; a single number stays what it is. Those
    that can be read now may span more than a float holds.
    """
    xp = np if is_concrete(weights) else jnp
    share = np.asarray(weights, np.float64) if xp is np else strong(weights, dtype)
    if xp.ndim(share):
        share = share / (xp.max(share) if xp is np else jax.lax.stop_gradient(jnp.max(share)))
        share = share / xp.sum(share)
    log_share = xp.where(share > 0, xp.log(xp.where(share > 0, share, 1)), -np.inf)
    return share.astype(dtype), log_share.astype(dtype)


def _blocks(rows, xp) -> list:
    """The rows in views that NumPy's intermediate results may be as large as; XLA needs none."""
    size = len(rows) if xp is jnp else BLOCK
    return [rows[i : i + size] for i in range(0, len(rows), size)]
