"""The exact Gibbs average at one query, streamed over the centres as gaps to a reference: plain JAX, differentiable
to any order.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .base import Gibbs
from .centres import AnyCentres, residual
from .gaps import blocks, dot, gaps, in_blocks, pull

# sigma is never taken below this fraction of the distances involved: energies stay finite and ties are decided by exact
# zeros
FLOOR = {4: 1e-12, 8: 1e-100}
REPEATS = 3  # a reference chosen by direct distances is within rounding of the best; each repeat replaces it by gaps


class Frame(NamedTuple):
    """A query seen from its reference centre."""

    alpha: Float[Array, ""]
    sigma: Float[Array, ""]
    """Floored, so that energies are finite also at sigma = 0."""
    clean: Float[Array, ""]
    """Whether sigma is 0."""
    reference: Float[Array, "d"]
    residual: Float[Array, "d"]
    """x - alpha y_j."""
    log_weight: Float[Array, ""]


class Chunk(NamedTuple):
    """Some consecutive centres; those not `fresh` were in an earlier chunk."""

    rows: Float[Array, "rows d"]
    squares: Float[Array, "rows"]
    log_weights: Float[Array, "rows"]
    index: Int[Array, "rows"]
    fresh: Array


class Sums(NamedTuple):
    """Running sums over centres, relative to the largest gap so far (`top`)."""

    top: Float[Array, ""]
    mass: Float[Array, ""]
    heat: Float[Array, ""]
    """sum of e^(g - top) (g - top)."""
    purity: Float[Array, ""]
    """sum of e^(2 (g - top))."""
    pull: Float[Array, "d"]
    square: Float[Array, ""]
    best: Float[Array, ""]
    leader: Int[Array, ""]


def floored(sigma: Float[Array, "*queries"], reach: Float[Array, "*queries"]) -> Float[Array, "*queries"]:
    """sigma, or a floor so far below `reach` that the weights are those of sigma -> 0; 1 where nothing has an
    extent.
    """
    raised = jnp.maximum(sigma, FLOOR[sigma.dtype.itemsize] * jax.lax.stop_gradient(reach))
    # compilers divide twice by sigma as once by its square, which must not vanish
    return jnp.where(raised > 0, jnp.maximum(raised, float(jnp.finfo(sigma.dtype).tiny) ** 0.5), 1)


def frame(centres: AnyCentres, x: Float[Array, "d"], alpha, sigma, reference: Int[Array, ""]) -> Frame:
    """The query x seen from centre number `reference`."""
    return frame_at(centres, x, alpha, sigma, *centres.at(reference))


def frame_at(centres: AnyCentres, x, alpha, sigma, anchor: Float[Array, "d"], log_weight: Float[Array, ""]) -> Frame:
    """The query x seen from a centre given by its offset and log-weight."""
    away = residual(x, alpha, centres.centre, anchor)
    reach = jnp.sqrt(jnp.sum(jax.lax.stop_gradient(away) ** 2)) + 2 * alpha * centres.radius
    return Frame(alpha, floored(sigma, reach), sigma == 0, anchor, away, log_weight)


def gap(view: Frame, tilt: Array, log_weights: Array) -> Array:
    """`E_j - E_i` from the first sum of `gaps`; -inf for a centre without weight."""
    energy = view.alpha * tilt / view.sigma / view.sigma
    energy = jnp.where(
        view.clean, jax.lax.stop_gradient(energy), energy
    )  # at sigma = 0 the weights jump: their slope is 0
    weighty = ~jnp.isneginf(log_weights)
    # the weights' difference first: it is exactly 0 where they are equal
    return jnp.where(weighty, energy + (jnp.where(weighty, log_weights, 0) - view.log_weight), -jnp.inf)


def over_chunks(centres: AnyCentres, size: int, body: Callable[[Any, Chunk], Any], initial: Any) -> Any:
    """Folds `body` over chunks of `size` centres; the last one overlaps its predecessor, so that nothing is padded
    or copied.
    """
    n = centres.n
    size = min(size, n)
    if size == n:
        return body(initial, Chunk(*centres.span(jnp.asarray(0), n), jnp.arange(n), jnp.ones(n, bool)))

    def step(carry, number):
        start = jnp.minimum(number * size, n - size)
        index = start + jnp.arange(size)
        return body(carry, Chunk(*centres.span(start, size), index, index >= number * size)), None

    return jax.lax.scan(jax.checkpoint(step), initial, jnp.arange(-(-n // size)))[0]


def chunk_gaps(view: Frame, chunk: Chunk) -> tuple[Array, Array]:
    """Gaps of a chunk's centres (-inf for those seen before) and their squared distances to the reference."""
    tilt, square = gaps(chunk.rows, view.reference, view.residual, view.alpha)
    return jnp.where(chunk.fresh, gap(view, tilt, chunk.log_weights), -jnp.inf), square


def absorb(view: Frame, sums: Sums, chunk: Chunk) -> Sums:
    """The sums with one more chunk of centres."""
    g, square = chunk_gaps(view, chunk)
    best = jnp.max(jax.lax.stop_gradient(g))
    top = jnp.maximum(sums.top, best)
    shrink = jnp.exp(sums.top - top)
    weight = jnp.exp(g - top)
    depth = jnp.where(jnp.isneginf(g), 0, g - top)
    return Sums(
        top,
        shrink * sums.mass + jnp.sum(weight),
        shrink * (sums.heat + (sums.top - top) * sums.mass) + jnp.sum(weight * depth),
        shrink**2 * sums.purity + jnp.sum(weight**2),
        shrink * sums.pull + pull(weight, chunk.rows, view.reference),
        shrink * sums.square + jnp.sum(weight * square),
        jnp.maximum(sums.best, best),
        jnp.where(best > sums.best, chunk.index[jnp.argmax(jax.lax.stop_gradient(g))], sums.leader),
    )


def empty_sums(view: Frame) -> Sums:
    """No centres yet."""
    zero = jnp.zeros_like(view.sigma)
    return Sums(zero, zero, zero, zero, jnp.zeros_like(view.reference), zero, zero - jnp.inf, jnp.asarray(0))


def total(view: Frame, centres: AnyCentres, rows: int) -> Sums:
    """The sums over all centres, `rows` at a time."""
    return over_chunks(centres, rows, lambda sums, chunk: absorb(view, sums, chunk), empty_sums(view))


def joined(parts: Sums) -> Sums:
    """The sums over several sets of centres, stacked along a leading axis, added in their order."""
    top = jnp.max(parts.top)
    fall = parts.top - top
    shrink = jnp.exp(fall)
    best = jnp.argmax(parts.best)
    return Sums(
        top,
        jnp.sum(shrink * parts.mass),
        jnp.sum(shrink * (parts.heat + fall * parts.mass)),
        jnp.sum(shrink**2 * parts.purity),
        dot(shrink, parts.pull),
        jnp.sum(shrink * parts.square),
        parts.best[best],
        parts.leader[best],
    )


def conclude(view: Frame, sums: Sums) -> Gibbs:
    """The Gibbs average from complete sums."""
    moved = sums.pull / sums.mass
    # at sigma = 0 the density is a point mass: log p is -inf off the points, +inf on one
    squared = jnp.sum(view.residual**2)
    edge = jnp.where(squared > 0, -jnp.inf, jnp.inf)
    logit = -squared / 2 / view.sigma / view.sigma + view.log_weight + sums.top + jnp.log(sums.mass)
    spread = jnp.maximum(sums.square / sums.mass - jnp.sum(moved**2), 0)
    return Gibbs(
        log_partition=jnp.where(view.clean, edge, logit),
        mean=view.reference + moved,
        displacement=view.alpha * moved - view.residual,
        spread=spread,
        entropy=jnp.log(sums.mass) - sums.heat / sums.mass,
        participation=sums.mass**2 / sums.purity,
        leader=sums.leader,
        leader_weight=jnp.exp(jax.lax.stop_gradient(sums.best - sums.top)) / sums.mass,
        discarded=jnp.zeros_like(sums.mass),
    )


def averages(centres: AnyCentres, x, alpha, sigma, reference: Int[Array, ""], rows: int) -> Gibbs:
    """The Gibbs average at x with gaps to centre number `reference`, `rows` centres at a time."""
    view = frame(centres, x, alpha, sigma, reference)
    return conclude(view, total(view, centres, rows))


def settled(centres: AnyCentres, x, alpha, sigma, reference: Int[Array, ""], rows: int) -> Gibbs:
    """`averages` repeated until the reference is the leader, so that every difference is taken from the heaviest
    centre.
    """

    def unsettled(carry):
        number, previous, found = carry
        return (number < REPEATS) & (found.leader != previous)

    def repeat(carry):
        number, _, found = carry
        return number + 1, found.leader, averages(centres, x, alpha, sigma, found.leader, rows)

    first = averages(centres, x, alpha, sigma, reference, rows)
    return jax.lax.while_loop(unsettled, repeat, (jnp.asarray(0), reference, first))[2]


def nearest(centres: AnyCentres, x, alpha, sigma, rows: int) -> Int[Array, ""]:
    """The centre of least energy by direct differences: right to rounding, a reference for exact gaps."""
    away = residual(x, alpha, centres.centre)
    reach = jnp.sqrt(jnp.sum(away**2)) + 2 * alpha * centres.radius
    sigma = floored(sigma, reach)

    def better(carry, chunk):
        def add(total, block):
            columns, r = block
            for k in range(columns.shape[0]):
                total = total + (r[k] - alpha * columns[k]) ** 2
            return total, None

        squares = jax.lax.scan(add, jnp.zeros_like(chunk.squares), (blocks(chunk.rows), in_blocks(away)))[0]
        logits = chunk.log_weights - squares / 2 / sigma / sigma
        best = jnp.max(logits)
        return jnp.maximum(carry[0], best), jnp.where(best > carry[0], chunk.index[jnp.argmax(logits)], carry[1])

    heaviest = centres.heaviest()
    return over_chunks(centres, rows, better, (jnp.zeros_like(sigma) - jnp.inf, heaviest))[1]
