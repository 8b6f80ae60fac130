"""The posterior as one differentiable operation on one query: batched by vmap, tangents in closed form."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Bool, Float, Int

from .arithmetic import dot, doubled, unit_of
from .base import AbstractReduction, AnyCentres, over_chunks
from .centres import Chunk
from .energies import TIED
from .posterior import Posterior
from .sums import LOWEST

CAP = 80.0  # nats: cap on the exponent of a centre without weight, whose derivative may be as large as a float holds
STEEPEST = {4: 1e15, 8: 1e100}  # cap on unit / sigma


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def posterior(reduction: AbstractReduction, centres: AnyCentres, x: Float[Array, "d"], alpha, sigma) -> Posterior:
    """`reduction.posterior` at one flat query, with derivatives of every order in x, alpha, sigma, points and weights."""
    found = _batched(reduction.posterior)(centres, x[None], alpha[None], sigma[None])
    return jax.tree.map(lambda leaf: leaf[0], found)


def _batched(whole):
    """`whole(centres, x, alpha, sigma)` of a batch of queries, for which vmap makes the batch longer.

    Under a plain vmap every conditional on the batch would run all its branches. Queries of different centres are done
    in turn.
    """
    function = jax.custom_batching.custom_vmap(whole)

    @function.def_vmap
    def _(size, batched, centres, *queries):
        if any(jax.tree.leaves(batched[0])):

            def one(i):
                picked = jax.tree.map(lambda leaf, many: leaf[i] if many else leaf, (centres, *queries), tuple(batched))
                return function(*picked)

            out = jax.lax.map(one, jnp.arange(size))
        else:
            out = function(centres, *(_longer(part, many, size) for part, many in zip(queries, batched[1:])))
            out = jax.tree.map(lambda leaf: leaf.reshape(size, -1, *leaf.shape[1:]), out)
        return out, jax.tree.map(lambda _: True, out)

    return function


def _longer(part, many: bool, size: int):
    """One batch from `size` of them; a level that all queries share stays one number."""
    if not many and part.shape == (1,):
        return part
    full = part if many else jnp.broadcast_to(part, (size, *part.shape))
    return full.reshape(-1, *full.shape[2:])


def _posterior_jvp(reduction, primals, tangents):
    """Tangents of the averages by one more pass in differences from the leader; of log p by the averages themselves."""
    centres, x, alpha, sigma = primals
    out = posterior(reduction, *primals)
    again = lambda *moved: averages(reduction, *moved, out.leader)  # noqa: E731
    tangent = along_live(again, primals, tangents)
    of_centres = along_live(lambda c: again(c, x, alpha, sigma).log_prob, (centres,), tangents[:1])
    return out, tangent._replace(log_prob=of_centres + _slope(out, alpha, sigma, *tangents[1:]))


posterior.defjvp(_posterior_jvp, symbolic_zeros=True)


def _slope(out: Posterior, alpha, sigma, x_t, alpha_t, sigma_t):
    """The derivative of log p along (x, alpha, sigma), 0 at sigma = 0, where log p is infinite:

    `<disp, dx>/sigma^2 - (<disp, D> + alpha tr C) d alpha/sigma^2 + ((|disp|^2 + alpha^2 tr C)/sigma^2 - d) d sigma/sigma`
    """
    clean = sigma == 0
    inverse = jnp.where(clean, 0, 1 / jnp.where(clean, 1, sigma))
    noise = out.displacement * inverse
    slope = jnp.zeros_like(sigma)
    if type(x_t) is not SymbolicZero:
        slope = slope + jnp.sum(noise * x_t) * inverse
    if type(alpha_t) is not SymbolicZero:
        slope = slope - (jnp.sum(noise * out.mean) + alpha * out.spread * inverse) * inverse * alpha_t
    if type(sigma_t) is not SymbolicZero:
        variance = jnp.sum(noise * noise) + (alpha * inverse) ** 2 * out.spread
        slope = slope + (variance - jnp.where(clean, 0, out.mean.size)) * inverse * sigma_t
    return slope


def averages(reduction: AbstractReduction, centres: AnyCentres, x, alpha, sigma, leader: Int[Array, ""]) -> Posterior:
    """The posterior in plain JAX, by differences delta_i = y_i - y_j from the leader j:

    with g_i = E_j - E_i, the sums `Z = sum e^g_i`, `M1 = sum e^g_i delta_i`, `M2 = sum e^g_i |delta_i|^2`,
    `U = sum e^g_i g_i` and `P = sum e^(2 g_i)`.
    """
    anchor = anchored(reduction, centres, x, alpha, sigma, leader)
    rows = reduction.rows(centres.n, centres.d)

    def of_part(part, start, anchor):
        def add(sums, chunk, numbers):
            e, log_e = ratios(anchor, chunk)
            delta = chunk.offsets - anchor.offset[None]
            squares = jnp.sum(delta * delta, axis=1)
            moved = jnp.sum(e[:, None] * delta, axis=0)
            found = jnp.sum(e), moved, jnp.sum(e * squares), jnp.sum(e * log_e), jnp.sum(e * e)
            return jax.tree.map(jnp.add, sums, found)

        zero = jnp.zeros_like(sigma)
        return over_chunks(part, rows, add, (zero, jnp.zeros_like(x), zero, zero, zero))

    Z, M1, M2, U, P = reduction.fold(of_part, summed, centres, anchor)
    m, unit = M1 / Z, centres.unit
    scale = jnp.where(sigma == 0, 1, sigma)
    squares = jnp.sum((anchor.residual * (unit / scale)) ** 2)
    log_prob = -squares / 2 + anchor.log_weight + jnp.log(Z) - x.size * jnp.log(scale * (2 * jnp.pi) ** 0.5)
    return Posterior(
        log_prob=log_prob,
        mean=centres.centre + unit * (anchor.offset + m),
        displacement=unit * (alpha * m - anchor.residual),
        entropy=jnp.log(Z) - U / Z,
        participation=Z * Z / P,
        leader=leader,
        leader_weight=1 / Z,
        spread=unit * unit * (M2 / Z - jnp.sum(m * m)),
        discarded=jnp.zeros_like(Z),
    )


class Anchor(NamedTuple):
    """A query seen from one centre y_j, in units of the offsets."""

    x: Float[Array, "d"]
    alpha: Float[Array, ""]
    scale: Float[Array, ""]
    """unit / sigma."""
    clean: Bool[Array, ""]
    """Whether sigma = 0."""
    centre: Float[Array, "d"]
    unit: Float[Array, ""]
    offset: Float[Array, "d"]
    log_weight: Float[Array, ""]
    residual: Float[Array, "d"]
    """(x - alpha y_j) / unit."""


def anchored(reduction: AbstractReduction, centres: AnyCentres, x, alpha, sigma, j: Int[Array, ""]) -> Anchor:
    """The query seen from centre number j."""
    chunk = reduction.at(centres, j)
    offset, centre, unit = chunk.offsets[0], centres.centre, centres.unit
    clean = sigma == 0
    # beyond the cap on the scale weights are those of sigma = 0, and products with it stay finite
    scale = jnp.minimum(unit / jnp.where(clean, unit, sigma), STEEPEST[x.dtype.itemsize])
    away = separation(x, alpha, centre, unit, offset)
    return Anchor(x, alpha, scale, clean, centre, unit, offset, chunk.log_weights[0], away)


def ratios(anchor: Anchor, chunk: Chunk) -> tuple[Float[Array, "rows"], Float[Array, "rows"]]:
    """e^(E_j - E_i) and its logarithm (0 where a weight is 0) for each centre i of a chunk.

    A centre without weight has e = 0 with the derivative that its weight deserves.
    """
    t = tilts(chunk.offsets, anchor.offset, anchor.residual, anchor.x, anchor.alpha, anchor.centre, anchor.unit)
    edge = jax.lax.stop_gradient(anchor.alpha * t)
    slack = TIED * unit_of(t) * anchor.alpha * (jnp.max(jnp.abs(anchor.offset)) + jnp.sum(jnp.abs(anchor.residual)))
    tied = jnp.where(edge >= -jax.lax.stop_gradient(slack), 0, LOWEST)
    gap = jnp.where(anchor.clean, tied, jnp.maximum(anchor.alpha * (t * anchor.scale) * anchor.scale, LOWEST))
    bare = jnp.isneginf(chunk.log_weights)
    log_e = gap + jnp.where(bare, 0, chunk.log_weights) - anchor.log_weight
    e = jnp.exp(jnp.minimum(log_e, CAP))
    return jnp.where(bare, e * chunk.weights, e), jnp.where(bare, 0, log_e)


@jax.custom_jvp
def tilts(offsets: Float[Array, "rows d"], offset, residual, x, alpha, centre, unit) -> Float[Array, "rows"]:
    """`(E_j - E_i) sigma^2 / (alpha unit^2) = <delta, r - alpha delta/2>` with delta = o_i - o_j and r the residual of
    the centre j, by differences in double precision.
    """
    with jax.enable_x64(True):
        rows, reference, point, a, c, u = doubled(offsets, offset, x, alpha, centre, unit)
        r = (point - a * c) / u - a * reference
        delta = rows - reference[None]
        return jnp.sum(delta * (r[None] - a / 2 * delta), axis=1).astype(x.dtype)


def _tilts_jvp(primals, tangents):
    """`<d delta, r - alpha delta> + <delta, dr> - d alpha |delta|^2 / 2`; x and centre act through the residual."""
    offsets, offset, residual, _, alpha, *_ = primals
    offsets_t, offset_t, residual_t, _, alpha_t, *_ = tangents
    delta, slope = offsets - offset[None], jnp.zeros_like(offsets[:, 0])
    if moves(residual_t):
        slope = slope + jnp.sum(delta * residual_t[None], axis=1)
    if moves(alpha_t):
        slope = slope - alpha_t * jnp.sum(delta * delta, axis=1) / 2
    for delta_t in (offsets_t, -offset_t[None] if moves(offset_t) else offset_t):
        if moves(delta_t):
            slope = slope + jnp.sum(delta_t * (residual[None] - alpha * delta), axis=1)
    return tilts(*primals), slope


tilts.defjvp(_tilts_jvp, symbolic_zeros=True)


@jax.custom_jvp
def separation(x, alpha, centre, unit, offset):
    """`(x - alpha (centre + unit offset)) / unit`, rounded once."""
    with jax.enable_x64(True):
        point, a, c, u, o = doubled(x, alpha, centre, unit, offset)
        return ((point - a * c) / u - a * o).astype(x.dtype)


@separation.defjvp
def _separation_jvp(primals, tangents):
    (x, alpha, centre, unit, offset), (x_t, alpha_t, _, _, offset_t) = primals, tangents
    return separation(*primals), (x_t - alpha_t * centre) / unit - alpha_t * offset - alpha * offset_t


def weight_at(reduction: AbstractReduction, centres: AnyCentres, x, alpha, sigma, index: Int[Array, ""]):
    """The weight of centre number `index`."""
    found = posterior(reduction, centres, x, alpha, sigma)
    anchor = anchored(reduction, centres, x, alpha, sigma, found.leader)
    return found.leader_weight * ratios(anchor, reduction.at(centres, index))[0][0]


def heaviest(reduction: AbstractReduction, centres: AnyCentres, x, alpha, sigma, k: int):
    """Indices and weights of the k heaviest centres, heaviest first, ties in the order of the points."""
    leader = posterior(reduction, centres, x, alpha, sigma).leader
    anchor = anchored(reduction, centres, x, alpha, sigma, leader)
    rows = reduction.rows(centres.n, centres.d)

    def best_of(e, index):
        top, where = jax.lax.top_k(e, k)
        return top, index[where]

    def of_part(part, start, anchor):
        def keep(carry, chunk, numbers):
            e, index, Z = carry
            found = ratios(anchor, chunk)[0]
            # a centre without weight comes after all others, and before an empty place or one seen before
            e, index = best_of(
                jnp.concatenate([e, jnp.where(numbers >= 0, found, -1)]), jnp.concatenate([index, numbers])
            )
            return e, index, Z + jnp.sum(found)

        none = jnp.full(k, -1, x.dtype), jnp.zeros(k, jnp.int32), jnp.zeros_like(sigma)
        e, index, Z = over_chunks(part, rows, keep, none)
        return e, index + start, Z

    def join(parts, anchor):
        e, index, Z = parts
        return *best_of(e.ravel(), index.ravel()), jnp.sum(Z)

    e, index, Z = reduction.fold(of_part, join, centres, anchor)
    return index, e / Z


def covariance(reduction: AbstractReduction, centres: AnyCentres, x, alpha, sigma) -> Float[Array, "d d"]:
    """`sum_i p_i (y_i - D)(y_i - D)^T`; memory rows x d for a query on top of the result."""
    found = posterior(reduction, centres, x, alpha, sigma)
    anchor = anchored(reduction, centres, x, alpha, sigma, found.leader)
    d = x.size
    # D seen from the leader; what rounding makes of it is taken off at the end
    near = (found.mean - centres.centre) / centres.unit - anchor.offset
    rows = min(reduction.rows(centres.n, centres.d), max(d, 64))

    def of_part(part, start, anchor, near):
        def add(sums, chunk, numbers):
            e = ratios(anchor, chunk)[0]
            delta = chunk.offsets - anchor.offset[None] - near[None]
            weighted = e[:, None] * delta
            return jax.tree.map(jnp.add, sums, (jnp.sum(e), jnp.sum(weighted, axis=0), dot(weighted.T, delta)))

        return over_chunks(part, rows, add, (jnp.zeros_like(sigma), jnp.zeros_like(x), jnp.zeros((d, d), x.dtype)))

    Z, M1, M2 = reduction.fold(of_part, summed, centres, anchor, near)
    missed = M1 / Z
    return centres.unit * centres.unit * (M2 / Z - missed[:, None] * missed[None])


def summed(stacked, *_):
    """The sum over parts."""
    return jax.tree.map(lambda leaf: jnp.sum(leaf, axis=0), stacked)


def along_live(function, primals, tangents):
    """The tangent of `function` along those tangents that are not known to be zero (each of those would cost a pass)."""
    leaves, tree = jax.tree.flatten(primals)
    slopes = jax.tree.leaves(tangents, is_leaf=lambda leaf: type(leaf) is SymbolicZero)
    live = [i for i, slope in enumerate(slopes) if moves(slope)]

    def of_live(*moving):
        full = list(leaves)
        for i, value in zip(live, moving):
            full[i] = value
        return function(*jax.tree.unflatten(tree, full))

    if not live:
        return jax.tree.map(_zero_tangent, jax.eval_shape(of_live))
    return jax.jvp(of_live, [leaves[i] for i in live], [slopes[i] for i in live])[1]


def moves(tangent) -> bool:
    """Whether a tangent is not known to be zero."""
    return type(tangent) is not SymbolicZero


def _zero_tangent(shape):
    if jnp.issubdtype(shape.dtype, jnp.floating):
        return jnp.zeros(shape.shape, shape.dtype)
    return np.zeros(shape.shape, jax.dtypes.float0)
