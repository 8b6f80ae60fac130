"""Weighted centres stored as offsets from a common centre, so that data far from the origin keep their digits."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from .drawn import DrawnCentres

HIGH_BITS = {4: (jnp.uint32, 12), 8: (jnp.uint64, 27)}  # unsigned type of the same width, low mantissa bits to clear


class Centres(NamedTuple):
    """n weighted centres y_i = centre + offsets_i in R^d."""

    offsets: Float[Array, "n d"]
    centre: Float[Array, "d"]
    squares: Float[Array, "n"]
    """|offsets_i|^2."""
    log_weights: Float[Array, "n"]
    """log of the normalised weights; -inf where a weight is zero."""
    radius: Float[Array, ""]
    """max_i |offsets_i|."""
    power: Float[Array, ""]
    """To which the weights were raised since `index` was computed."""
    index: Any = ()
    """What the reduction computed of the centres beforehand."""

    @property
    def n(self) -> int:
        """Number of centres."""
        return self.offsets.shape[0]

    @property
    def d(self) -> int:
        """Coordinates of one centre."""
        return self.offsets.shape[1]

    @property
    def dtype(self):
        """Of the coordinates."""
        return self.offsets.dtype

    def at(self, i: Int[Array, ""]) -> tuple[Float[Array, "d"], Float[Array, ""]]:
        """Offset and log-weight of centre number i."""
        return self.offsets[i], self.log_weights[i]

    def heaviest(self) -> Int[Array, ""]:
        """Number of a centre of largest weight."""
        return jnp.argmax(self.log_weights)

    def weighty(self) -> Int[Array, ""]:
        """Number of centres with weight."""
        return jnp.sum(~jnp.isneginf(self.log_weights))

    def least(self) -> Float[Array, ""]:
        """The smallest log-weight of a centre with weight."""
        return jnp.min(jnp.where(jnp.isneginf(self.log_weights), jnp.inf, self.log_weights))

    def drawn(self, key: PRNGKeyArray) -> Int[Array, ""]:
        """The number of a centre drawn by weight."""
        return jax.random.choice(key, self.n, p=jnp.exp(self.log_weights))

    def span(self, start: Int[Array, ""], size: int) -> tuple[Float[Array, "rows d"], Array, Array]:
        """Offsets, their squares and log-weights of `size` consecutive centres."""
        if size == self.n:
            return self.offsets, self.squares, self.log_weights
        parts = self.offsets, self.squares, self.log_weights
        return tuple(jax.lax.dynamic_slice_in_dim(part, start, size) for part in parts)

    def tempered(self, beta: Float[Array, ""]) -> "Centres":
        """The centres with weights raised to the power beta (not normalised)."""
        zero = jnp.isneginf(self.log_weights)
        log_weights = jnp.where(zero, -jnp.inf, beta * jnp.where(zero, 0, self.log_weights))
        return self._replace(log_weights=log_weights, power=beta * self.power)


AnyCentres = Centres | DrawnCentres


def centred(points: Float[Array, "n d"], weights: Float[Array, "n"]) -> Centres:
    """The centres of weighted points: per coordinate their mean where every difference to it is exact, else 0."""
    centre = jnp.mean(points, axis=0)
    offsets = points - centre[None]
    error = two_sum(points, -centre[None])[1]
    centre = jnp.where(jnp.all(error == 0, axis=0), centre, 0)
    offsets = points - centre[None]
    squares = jnp.sum(offsets**2, axis=1)
    # in units of the largest, so that logarithms are no larger than they must be
    weights = weights / jax.lax.stop_gradient(jnp.max(weights))
    log_weights = jnp.log(weights) - jnp.log(jnp.sum(weights))
    return Centres(offsets, centre, squares, log_weights, jnp.sqrt(jnp.max(squares)), jnp.ones((), points.dtype))


def split(value: Float[Array, "*shape"]) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """value = high + low, each of half the bits, so that products of halves are exact (by mask: immune to
    contraction).
    """
    unsigned, low_bits = HIGH_BITS[value.dtype.itemsize]
    bits = jax.lax.bitcast_convert_type(value, unsigned)
    mask = jnp.asarray(2 ** (8 * value.dtype.itemsize) - 2**low_bits, unsigned)
    high = jax.lax.bitcast_convert_type(bits & mask, value.dtype)
    return high, value - high


@jax.custom_jvp
def residual(x: Float[Array, "d"], alpha: Float[Array, ""], *parts: Float[Array, "d"]) -> Float[Array, "d"]:
    """`x - alpha (part_1 + part_2 + ...)`, rounded once: exact partial products (the same whether or not the
    compiler contracts
    them into fused operations) in a compensated sum.
    """
    total, error = x, jnp.zeros_like(x)
    for part in parts:
        for a in split(alpha):
            for b in split(part):
                total, lost = two_sum(total, -a * b)
                error = error + lost
    return total + error


@residual.defjvp
def _residual_jvp(primals, tangents):
    (x, alpha, *parts), (x_t, alpha_t, *parts_t) = primals, tangents
    return residual(x, alpha, *parts), x_t - alpha_t * sum(parts) - alpha * sum(parts_t)


def two_sum(a: Float[Array, "*shape"], b: Float[Array, "..."]) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """The rounded sum and its error (Knuth, TAOCP 2, 4.2.2)."""
    total = a + b
    virtual = total - a
    return total, (a - (total - virtual)) + (b - virtual)
