"""A certificate that a trajectory of the probability flow ends on a given training point.

Along the probability flow in u = x/alpha, rho = sigma/alpha, let j be the heaviest point, w its weight,
G_i = (|u - y_i|^2 - |u - y_j|^2) / (2 rho^2), Delta_i = |y_i - y_j|, e = D - y_j and tau = -log rho. Then

    dG_i/dtau = G_i + (Delta_i^2 / 2 + <y_j - y_i, e>) / rho^2,    |e| <= S = sum_i (p_i / p_j) Delta_i e^{-G_i}.

Where all G_i > 0 and S <= min Delta_i / 2, every G_i grows at least like e^tau, S falls, and both conditions last: the
flow ends on y_j, and at rho' < rho it is within (rho'/rho) S / min G_i of the line from x/alpha to y_j. One posterior
pass tells enough: p_i e^{-G_i} / p_j <= (1 - w)/w for each i, which bounds min G_i =: g from below; S <= sqrt((1 - w)
sum w_i Delta_i^2) / w; and G_i <= (Delta_i^2 / 2 + Delta_i |u - y_j|) / rho^2 bounds Delta_i from below.

Rounding: G_i is a sum of d products between y_i - y_j and the vector from their midpoint to u. Half the one and the
other are sides of a right-angled pair whose squares sum to |u - y_j|^2 + rho^2 G_i, so the sum is wrong by no more than
gamma_d (|u - y_j|^2 / rho^2 + G_i), however far u is. Source: derived.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..arithmetic import gamma, unit_of
from ..reductions import AbstractCentres, Posterior
from ..reductions.gibbs import separation
from ..representation import one_line

ROUNDINGS = 64  # rounding units by which a weight may be wrong beyond `discarded`: exponentials and their sums
DOUBLE = 2.0**-53  # rounding unit of the energies
DEEP = 200.0  # nats below the leader where all points together hold less than that


class Commitment(NamedTuple):
    """What is certain of the rest of the probability flow from a point at a level."""

    certain: Bool[Array, ""]
    """Whether the flow provably ends on the training point `leader`."""
    leader: Int[Array, ""]
    """Index of the heaviest training point."""
    deviation: Float[Array, ""]
    """Where certain: bound on the distance between x/alpha and the straight line to the leader, at every lower level;
    infinite elsewhere."""

    __repr__ = one_line


def commitment_of(centres: AbstractCentres, found: Posterior, x: Float[Array, "d"], alpha, sigma) -> Commitment:
    """The certificate, from the posterior at x; lengths are in the units in which the centres are kept."""
    leader = centres.take(found.leader[None])
    unit, length = unit_of(x), centres.unit
    slack = found.discarded + ROUNDINGS * unit
    w, others = found.leader_weight - slack, jnp.maximum(1 - found.leader_weight, 0) + slack
    # a product with the inverse, a power of two: XLA makes one quotient of two, whose divisor may overflow
    inverse = 1 / length
    rho = sigma / alpha * inverse
    residual = separation(x, alpha, centres.centre, length, leader.offsets[0])
    away = jnp.sqrt(jnp.sum(residual**2)) / alpha
    rounding = gamma(x.size + 24, DOUBLE)
    G_rounding = jnp.where(sigma == 0, 0, rounding * (away / rho) ** 2)
    least = jnp.min(jnp.where(jnp.isneginf(centres.log_weights), jnp.inf, centres.log_weights))
    # a point whose prior weight is below the leader's may be nearer than its posterior weight suggests
    margin = (jnp.log(w / others) - (leader.log_weights[0] - least) - G_rounding) * (1 - rounding)
    far = 2 * centres.radius
    moved = jnp.sqrt(jnp.sum((found.displacement * inverse + residual) ** 2)) / alpha + 4 * unit * away
    # the spread is computed as a difference, of energies or of moments, and may underflow
    step, reach = jnp.sqrt(jnp.sum((found.displacement * inverse) ** 2)) / alpha, centres.radius
    spread_rounding = 8 * unit * jnp.minimum(step, reach) * reach
    spread = (found.spread + jnp.finfo(x.dtype).tiny) * inverse * inverse
    squares = spread + spread_rounding + moved**2 + (found.discarded + unit) * far**2
    S = jnp.sqrt(others * squares) / w * jnp.exp(G_rounding + rounding * (DEEP - least))
    # the root of Delta^2 / 2 + Delta away = rho^2 margin, without cancellation
    energy = 2 * rho**2 * jnp.maximum(margin, 0)
    nearest = energy / (away + jnp.sqrt(away**2 + energy))
    certain = (alpha > 0) & (margin > 0) & ((sigma == 0) | (2 * (1 + rounding) * S <= nearest))
    deviation = length * jnp.where(sigma == 0, 0, S / jnp.maximum(margin, jnp.finfo(x.dtype).tiny))
    return Commitment(certain, found.leader, jnp.where(certain, deviation, jnp.inf))
