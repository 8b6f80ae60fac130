"""A googol of points

The collapse curve, mean posterior weight of one's own point against sigma, of n = 10^100 points of N(0, I) in 1,000
dimensions, by the exact sampler of the random-energy model. *Bulk* bounds what replacing the points that are not kept
by their mean may have changed.
"""

import jax.random as jr
import numpy as np
from measure import Contender, race

from diffmem import theory

N, D = 10**100, 1000


def cases(full: bool) -> list[str]:
    """One curve."""
    return ["n = 10^100, d = 1000"]


def run(book, case: str) -> None:
    """Levels around the transition, log n = d/2 log(1 + snr)."""
    levels, queries = (25, 500) if book.full else (5, 20)
    transition = np.expm1(2 * np.log(10.0) * 100 / D) ** -0.5
    ratio = transition * np.geomspace(0.8, 1.25, levels)
    law = theory.IsotropicGaussian(D)
    found = []

    def curve():
        found[:] = [theory.random_energy(N, law, ratio, key=jr.key(0), queries=queries)]
        return found[0].own_weight.value

    times = race(book, case, [Contender(f"{levels} levels, {queries} queries", lambda: curve)], repeats=3)
    book.goal(case, "seconds for the curve", max(times.values(), default=None), most=60)
    for k in range(0, levels, max(1, levels // 8)):
        own = found[0].own_weight
        bulk = found[0].own_weight_bulk[k]
        book.entry(sigma=ratio[k], **{"own weight": own.value[k], "standard error": own.error[k], "bulk": bulk})
