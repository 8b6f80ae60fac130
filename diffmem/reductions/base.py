"""What a Gibbs sum over centres reports, and the contract of the ways to compute it."""

from typing import NamedTuple

from jaxtyping import Array, Float, Int


class Posterior(NamedTuple):
    """One pass over the centres at a query x: everything the weights `w_i = exp(-E_i) / sum_j exp(-E_j)` say about x_0."""

    log_prob: Float[Array, ""]
    """log p(x) at this level, in nats; a log-density, so it may be positive."""
    mean: Float[Array, "*shape"]
    """D(x) = E[x_0 | x]."""
    displacement: Float[Array, "*shape"]
    """alpha D - x = sigma^2 score, formed as a weighted mean of differences."""
    entropy: Float[Array, ""]
    """Shannon entropy of the weights, in nats: 0 when one centre holds everything, log n when all are equal."""
    participation: Float[Array, ""]
    """1 / sum_i w_i^2, the effective number of centres, between 1 and n."""
    leader: Int[Array, ""]
    """Index of the heaviest centre."""
    leader_weight: Float[Array, ""]
    """Its weight."""
    discarded: Float[Array, ""]
    """Certified bound on the posterior mass left out; 0 for exact reductions."""
