"""Centres that are drawn from a key whenever they are needed, and never stored."""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

MOST = 1 << 24  # coordinates that may be drawn at once


class DrawnCentres(eqx.Module):
    """n centres of equal weight, centre i being `draw(fold_in(key, i))`; they behave as `Centres` do."""

    key: PRNGKeyArray
    log_weight: Float[Array, ""]
    radius: Float[Array, ""]
    """The largest norm seen, and some more: it sets margins for rounding."""
    draw: Callable[[PRNGKeyArray], Float[Array, "..."]] = eqx.field(static=True)
    n: int = eqx.field(static=True)
    d: int = eqx.field(static=True)
    index: Any = ()

    @property
    def dtype(self):
        """Of the coordinates."""
        return self.log_weight.dtype

    @property
    def centre(self) -> Float[Array, "d"]:
        """The origin: the mean is not known beforehand."""
        return jnp.zeros(self.d, self.dtype)

    def at(self, i: Int[Array, ""]) -> tuple[Float[Array, "d"], Float[Array, ""]]:
        """Offset and log-weight of centre number i."""
        return self.draw(jax.random.fold_in(self.key, i)).astype(self.dtype).ravel(), self.log_weight

    def span(self, start: Int[Array, ""], size: int) -> tuple[Float[Array, "rows d"], Array, Array]:
        """Offsets, their squares and log-weights of `size` consecutive centres; all at once only where they are few."""
        if size == self.n > 1 and size * self.d > MOST:
            raise ValueError(f"The {self.n} points must not be asked for at once: they are drawn, and never stored.")
        rows = jax.vmap(lambda i: self.at(i)[0])(start + jnp.arange(size))
        return rows, jnp.sum(rows**2, axis=1), jnp.full(size, self.log_weight)

    def heaviest(self) -> Int[Array, ""]:
        """Number of a centre of largest weight."""
        return jnp.asarray(0)

    def weighty(self) -> Int[Array, ""]:
        """Number of centres with weight."""
        return jnp.asarray(self.n)

    def least(self) -> Float[Array, ""]:
        """The smallest log-weight."""
        return self.log_weight

    def drawn(self, key: PRNGKeyArray) -> Int[Array, ""]:
        """The number of a centre drawn by weight."""
        return jax.random.randint(key, (), 0, self.n)

    def tempered(self, beta: Float[Array, ""]) -> "DrawnCentres":
        """The centres with weights raised to the power beta (not normalised)."""
        return eqx.tree_at(lambda centres: centres.log_weight, self, beta * self.log_weight)


def drawn_centres(draw, n: int, shape: tuple[int, ...], dtype, key: PRNGKeyArray, sample: int, margin: float):
    """The centres, with a radius of `margin` times the largest norm among the first `sample`."""
    log_weight = jnp.asarray(-math.log(n), dtype)
    d = math.prod(shape)
    centres = DrawnCentres(key, log_weight, jnp.zeros((), dtype), draw, n, d)
    squares = centres.span(jnp.asarray(0), min(n, sample, max(1, MOST // d)))[1]
    return eqx.tree_at(lambda centres: centres.radius, centres, margin * jnp.sqrt(jnp.max(squares)))
