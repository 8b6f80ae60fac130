"""Centres that are drawn from a key whenever they are needed, and never stored."""

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray

from ..arithmetic import squared_norms, uniform_double
from .centres import Chunk

MOST = 1 << 24  # coordinates that may be drawn at once


class GeneratedCentres(eqx.Module):
    """n centres of equal weight, centre i being `draw(fold_in(key, i))`; they behave as `Centres` do."""

    key: PRNGKeyArray
    weights: Float[Array, ""]
    """1/n."""
    log_weights: Float[Array, ""]
    """-log n."""
    unit: Float[Array, ""]
    """A power of two of the size of the coordinates."""
    radius: Float[Array, ""]
    """The largest norm seen in units, and some more: it decides in which precision products are taken."""
    draw: Callable[[PRNGKeyArray], Float[Array, "..."]] = eqx.field(static=True)
    n: int = eqx.field(static=True)
    d: int = eqx.field(static=True)
    x64: bool = eqx.field(static=True)
    """Whether JAX's double precision was on when they were made."""

    @property
    def dtype(self):
        """Of the coordinates."""
        return self.unit.dtype

    @property
    def centre(self) -> Float[Array, "d"]:
        """The origin: the mean is not known beforehand."""
        return jnp.zeros(self.d, self.dtype)

    def at(self, i: Int[Array, ""]) -> Chunk:
        """Centre number i, as a chunk of one."""
        return self._drawn(i[None])

    def span(self, start: Int[ArrayLike, ""], size: int) -> Chunk:
        """`size` consecutive centres; all at once only where they are few."""
        if size == self.n > 1 and size * self.d > MOST:
            raise ValueError(f"The {self.n} points must not be asked for at once: they are drawn, and never stored.")
        return self._drawn(start + jax.lax.iota(jnp.int32, size))

    def take(self, places: Int[Array, "rows"]) -> Chunk:
        """The centres of these numbers."""
        return self._drawn(places)

    def drawn(self, key: PRNGKeyArray) -> Int[Array, ""]:
        """The number of a centre drawn by weight."""
        with jax.enable_x64(True):
            return jnp.minimum(jnp.floor((1 - uniform_double(key)) * self.n).astype(jnp.int32), self.n - 1)

    def tempered(self, beta: Float[Array, ""]) -> "GeneratedCentres":
        """The centres with weights raised to the power beta (not normalised)."""
        powers = self.weights**beta, beta * self.log_weights
        return eqx.tree_at(lambda centres: (centres.weights, centres.log_weights), self, powers)

    def _drawn(self, numbers: Int[Array, "rows"]) -> Chunk:
        draw = lambda i: self.draw(jax.random.fold_in(self.key, i)).astype(self.dtype).ravel()  # noqa: E731
        with jax.enable_x64(self.x64):  # the default precision of random numbers is the caller's
            offsets = jax.vmap(draw)(numbers) / self.unit
        squares, low = squared_norms(offsets)
        each = jnp.ones_like(squares)
        return Chunk(offsets, squares, low, self.weights * each, self.log_weights * each)


def generated_centres(draw, n: int, shape: tuple[int, ...], dtype, key: PRNGKeyArray, sample: int, margin: float):
    """The centres, with a radius of `margin` times the largest norm among the first `sample`."""
    d = math.prod(shape)
    one = jnp.ones((), dtype)
    centres = GeneratedCentres(key, one / n, -jnp.log(one * n), one, one, draw, n, d, bool(jax.config.jax_enable_x64))
    offsets = centres.span(0, min(n, sample, max(1, MOST // d))).offsets
    largest = jnp.max(jnp.abs(offsets))
    largest = jnp.where(largest > 0, largest, 1)
    unit = largest / jnp.frexp(largest)[0] / 2
    radius = margin * jnp.sqrt(jnp.max(squared_norms(offsets / unit)[0]))
    return eqx.tree_at(lambda centres: (centres.unit, centres.radius), centres, (unit, radius))
