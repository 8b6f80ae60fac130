"""What the weights of the centres say at one query."""

from typing import NamedTuple

from jaxtyping import Array, Float, Int


class Posterior(NamedTuple):
    """One pass over the centres at a query x: everything that the weights `w_i = exp(-E_i) / sum_j exp(-E_j)` say about
    x_0.
    """

    log_prob: Float[Array, "*batch"]
    """log p(x) at this level, in nats; a log-density, so it may be positive."""
    mean: Float[Array, "*shape"]
    """D(x) = E[x_0 | x]."""
    displacement: Float[Array, "*shape"]
    """alpha D - x = sigma^2 score, formed without cancellation."""
    entropy: Float[Array, "*batch"]
    """Shannon entropy of the weights, in nats: 0 when one centre holds everything, log n when all are equal."""
    participation: Float[Array, "*batch"]
    """1 / sum_i w_i^2, the effective number of centres, between 1 and n."""
    leader: Int[Array, "*batch"]
    """Index of the heaviest centre."""
    leader_weight: Float[Array, "*batch"]
    """Its weight."""
    spread: Float[Array, "*batch"]
    """Trace of the posterior covariance of x_0, in squared data units; known to a few roundings of E[|x_0 - c|^2 | x],
    c the centre that the points are stored about.
    """
    discarded: Float[Array, "*batch"]
    """Bound on the total variation of the weights that rounding of the energies may have caused; 0 where none can."""
