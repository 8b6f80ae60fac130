"""All centres at once."""

import jax.numpy as jnp

from .base import AbstractReduction, Gibbs
from .centres import AnyCentres
from .stream import nearest, settled


class Dense(AbstractReduction):
    """Every energy by differences, all n of them held at once: the simplest reduction, for small problems.

    Cost: about 8 n d operations a query that no matrix product speeds up; memory batch x n.
    """

    def rows(self, n: int, d: int) -> int:
        """All n."""
        return n

    def gibbs(self, centres: AnyCentres, x, alpha, sigma) -> Gibbs:
        """Gaps to the leader for all centres."""
        n = centres.n
        found = settled(centres, x, alpha, sigma, nearest(centres, x, alpha, sigma, n), n)
        return found._replace(discarded=jnp.zeros_like(found.discarded))
