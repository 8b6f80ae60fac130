"""When the point on which a trajectory will end is certain, and how far from it the straight line is.

Along the probability flow in u = x/alpha, rho = sigma/alpha, let j be the heaviest point, w its weight,
G_i = (|u - y_i|^2 - |u - y_j|^2) / (2 rho^2), Delta_i = |y_i - y_j|, e = D - y_j and tau = -log rho. Then

    dG_i/dtau = G_i + (Delta_i^2 / 2 + <y_j - y_i, e>) / rho^2,    |e| <= S = sum_i (p_i / p_j) Delta_i e^{-G_i}.

Where all G_i > 0 and S <= min Delta_i / 2, every G_i grows at least like e^tau, S falls, and both conditions last: the
flow ends on y_j, and at rho' < rho it is within (rho'/rho) S / min G_i of the line from x/alpha to y_j. One posterior
pass tells enough: p_i e^{-G_i} / p_j <= (1 - w)/w for each i, which bounds min G_i =: g from below; S <= sqrt((1 - w)
sum w_i Delta_i^2) / w; and G_i <= (Delta_i^2 / 2 + Delta_i |u - y_j|) / rho^2 bounds Delta_i from below. Source:
derived.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..reductions import AbstractReduction, AnyCentres, Gibbs
from ..reductions.centres import residual

ROUNDINGS = 32  # rounding units by which a weight may be wrong


class Commitment(NamedTuple):
    """What is certain of the rest of the probability flow from a point at a level."""

    certain: Bool[Array, ""]
    """Whether the flow provably ends on the training point `leader`."""
    leader: Int[Array, ""]
    """Index of the heaviest training point."""
    deviation: Float[Array, ""]
    """Where certain: bound on the distance between x/alpha and the straight line to the leader, at every lower level;
    infinite elsewhere."""


def commitment_of(
    reduction: AbstractReduction, centres: AnyCentres, found: Gibbs, x: Float[Array, "d"], alpha, sigma
) -> Commitment:
    """The certificate, from a posterior pass at x."""
    offset, log_weight = reduction.at(centres, found.leader)
    w = found.leader_weight
    unit = jnp.finfo(x.dtype).eps / 2
    others = jnp.maximum(1 - w, 0) + found.discarded + ROUNDINGS * unit
    # points of less weight than the leader may be nearer than their posterior weight tells
    margin = jnp.log(w / others) - (log_weight - centres.least())
    far = 2 * centres.radius
    squares = found.spread + jnp.sum((found.mean - offset) ** 2) + (found.discarded + unit) * far**2
    pull = jnp.sqrt(others * squares) / w
    rho = sigma / alpha
    away = jnp.sqrt(jnp.sum(residual(x, alpha, centres.centre, offset) ** 2)) / alpha
    # the root of Delta^2 / 2 + Delta away = rho^2 margin, without cancellation
    energy = 2 * rho**2 * jnp.maximum(margin, 0)
    nearest = energy / (away + jnp.sqrt(away**2 + energy))
    certain = (alpha > 0) & ((sigma == 0) & (w > 0.5 + ROUNDINGS * unit) | (margin > 0) & (2 * pull <= nearest))
    deviation = jnp.where(sigma == 0, 0, pull / jnp.maximum(margin, jnp.finfo(x.dtype).tiny))
    return Commitment(certain, found.leader, jnp.where(certain, deviation, jnp.inf))
