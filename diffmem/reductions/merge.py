"""One Gibbs average from those of disjoint sets of centres: what several devices, or several passes, found apart."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .base import Gibbs
from .centres import Centres
from .gaps import gaps
from .stream import frame, gap

REPEATS = (
    3  # each takes gaps from the best leader that the one before found; the first may start thousands of nats away
)


def merge(parts: Gibbs, leaders: Centres, x: Float[Array, "d"], alpha, sigma) -> Gibbs:
    """The Gibbs average over the union of parts, stacked along a leading axis and added in this order.

    `leaders` holds the parts' heaviest centres, one each, with the common centre and radius of all; a part whose leader
    has no weight counts as nothing, whatever finite numbers it reports. `parts.leader` are numbers among all centres.
    With g_s the gap of leader s to the best leader j and w_s its weight within its part, part s has the share
    `p_s ~ exp(g_s - log w_s)`: log-partitions of thousands of nats are never compared. Averages are p-weighted, and

        spread = sum p_s (spread_s + |D_s - D|^2),  entropy = sum p_s (H_s - log p_s),
        1 / participation = sum p_s^2 / participation_s,  log Z = log Z_j - log p_j.

    A part that discarded d_s of its mass holds d_s / (1 - d_s) of what it kept, so that `discarded = e / (1 + e)` with
    `e = sum p_s d_s / (1 - d_s)`; the linear sum p_s d_s would be no bound.
    Cost: a few d products for each part and query. Derived.
    """
    g = _gaps_to_best(leaders, x, alpha, sigma)
    best = jnp.argmax(g)
    logits = g - jnp.log(parts.leader_weight)
    logits = jnp.where(jnp.isneginf(g), -jnp.inf, logits)
    log_share = logits - jax.nn.logsumexp(logits)
    share = jnp.exp(log_share)
    mean = _average(share, parts.mean, best)
    moved = jnp.sum((parts.mean - mean[None]) ** 2, axis=1)
    mixing = jnp.where(share > 0, log_share, 0)
    excess = jnp.sum(jnp.where(share > 0, share * parts.discarded / (1 - parts.discarded), 0))
    return Gibbs(
        log_partition=parts.log_partition[best] - log_share[best],
        mean=mean,
        displacement=_average(share, parts.displacement, best),
        spread=jnp.sum(share * (parts.spread + moved)),
        entropy=jnp.sum(share * (parts.entropy - mixing)),
        participation=1 / jnp.sum(share**2 / parts.participation),
        leader=parts.leader[best],
        leader_weight=share[best] * parts.leader_weight[best],
        discarded=jnp.where(jnp.isinf(excess), 1, excess / (1 + excess)),
    )


def _gaps_to_best(leaders: Centres, x, alpha, sigma) -> Float[Array, "parts"]:
    """`E_j - E_s` of all leaders, j the best of them."""
    reference = leaders.heaviest()
    for _ in range(REPEATS):
        view = frame(leaders, x, alpha, sigma, reference)
        tilt = gaps(leaders.offsets, view.reference, view.residual, view.alpha)[0]
        g = gap(view, tilt, leaders.log_weights)
        reference = jnp.argmax(g)
    return g


def _average(share, values: Float[Array, "parts d"], best) -> Float[Array, "d"]:
    """The mean of the parts' vectors, exact where all that matter are equal."""
    return values[best] + jnp.sum(share[:, None] * (values - values[best][None]), axis=0)
