"""Points drawn chunk by chunk from a key: as many as time allows, in the memory of one chunk."""

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray

from ..arithmetic import squared_norms
from ..checks import check_finite, check_key
from .centres import AbstractCentres, Chunk, unit_above
from .chunked import AbstractStreamed
from .plan import LOGITS, Plan, plan

ENTRIES = 1 << 17  # coordinates drawn at a time: their logits with a batch of queries stay in the cache
SAMPLE = 4096  # points that tell how large points are
MOST = 1 << 24  # coordinates that may be drawn at once
MARGIN = 1.5  # by how much others may be larger: it decides in which precision energies are computed


class GeneratedCentres(AbstractCentres):
    """n centres of equal weight about the origin, centre i being `draw(fold_in(key, i))`."""

    key: PRNGKeyArray
    draw: Callable[[PRNGKeyArray], Float[Array, "..."]] = eqx.field(static=True)
    n: int = eqx.field(static=True)
    x64: bool = eqx.field(static=True)
    """Whether JAX's double precision was on when they were made."""

    def take(self, numbers: Int[Array, "rows"]) -> Chunk:
        """The centres of these numbers."""
        draw = lambda i: self.draw(jax.random.fold_in(self.key, i)).astype(self.dtype).ravel()  # noqa: E731
        with jax.enable_x64(self.x64):  # the default precision of random numbers is the caller's
            offsets = jax.vmap(draw)(numbers) / self.unit
        squares, low = squared_norms(offsets)
        each = jnp.ones_like(squares)
        return Chunk(offsets, squares, low, self.weights * each, self.log_weights * each, numbers)

    def span(self, start: Int[ArrayLike, ""], size: int) -> Chunk:
        """`size` consecutive centres; all at once only where they are few."""
        if size == self.n > 1 and size * self.d > MOST:
            raise ValueError(f"The {self.n} points must not be asked for at once: they are drawn, and never stored.")
        return self.take(start + jax.lax.iota(jnp.int32, size))


class Generated(AbstractStreamed):
    """n points of equal weight that are never stored: `Empirical(key, reduction=Generated(draw, n))`.

    `draw(key)` makes one point of any event shape; point i is `draw(fold_in(key, i))`, whatever the chunk. The same
    function object should be used throughout: another one is compiled again. Everything works as with stored points
    except what needs all of them at once (`points`, `merged`).

    Memory: batch x chunk. Cost: the points are drawn once in a pass (again for a derivative and for `weights`), and two
    products of (batch, d) by (d, n). Raises ValueError unless 1 <= n < 2^31.
    """

    draw: Callable[[PRNGKeyArray], Float[Array, "..."]] = eqx.field(static=True)
    n: int = eqx.field(static=True)

    def __check_init__(self):
        if not 1 <= self.n < 2**31:
            raise ValueError(f"`n` must be between 1 and 2^31 - 1, but is {self.n}.")

    def hold(self, points, weights) -> tuple[AbstractCentres, tuple, int]:
        """`points` is the key. Raises ValueError where it is not, where weights are given, and for infinite draws."""
        if weights is not None:
            raise ValueError(
                "`weights` must be left out with `Generated`, whose points have equal weight, but are given."
            )
        check_key(points)
        shape = jax.eval_shape(self.draw, points)
        if not jnp.issubdtype(shape.dtype, jnp.floating):
            raise ValueError(f"`draw` must return floating points, but returns {shape.dtype}.")
        one, n, d = jnp.ones((), shape.dtype), self.n, math.prod(shape.shape)
        start = jnp.zeros(d, shape.dtype), one, one / n, -jnp.log(one * n), one
        centres = GeneratedCentres(*start, points, self.draw, n, bool(jax.config.jax_enable_x64))
        offsets = centres.span(0, min(n, SAMPLE, max(1, MOST // d))).offsets
        unit = unit_above(jnp.max(jnp.abs(offsets)))
        radius = MARGIN * jnp.sqrt(jnp.max(squared_norms(offsets / unit)[0]))
        centres = eqx.tree_at(lambda centres: (centres.unit, centres.radius), centres, (unit, radius))
        check_finite("draw", centres.radius)
        return centres, shape.shape, self.n

    def plan(self, n: int, d: int) -> Plan:
        """About a hundred thousand coordinates at a time on a CPU, a hundred times as many on an accelerator."""
        if jax.default_backend() != "cpu":
            planned = plan(n, d)
            return planned._replace(rows=min(planned.rows, max(1, MOST // d)))
        rows = min(n, max(1, ENTRIES // d))
        return Plan(rows, max(1, LOGITS // rows), "auto")
