"""What observing costs

18 steps of Heun's method with and without an observer that reads the participation and entropy of the posterior at
every grid time. A step and its observer ask for the same point and level, and share one pass.
"""

from functools import partial

import jax.random as jr
import points as data
from book import ratio
from measure import Contender, race, warmed

import diffmem as dm
from diffmem.integrators import Heun, grids
from diffmem.reductions import Chunked
from diffmem.scores import Empirical


def cases(full: bool) -> list[str]:
    """Two dimensions."""
    return ["20000 x 784", "5000 x 3072"] if full else ["1000 x 64"]


def run(book, case: str) -> None:
    """Both in one race."""
    n, d = (int(word) for word in case.split(" x "))
    points = data.image_like(n, d)
    score = Empirical(points, reduction=Chunked())
    process = dm.processes.EDM()
    times = grids.karras(process, steps=18)

    def watch(x, level):
        posterior = score.posterior(x, level)
        return posterior.participation, posterior.entropy

    def sampled(observe):
        return warmed(lambda: dm.sample(score, process, Heun(), times, (d,), 64, key=jr.key(0), observe=observe))

    contenders = [Contender("not observed", partial(sampled, None)), Contender("observed", partial(sampled, watch))]
    found = race(book, case, contenders, ours="not observed")
    book.goal(case, "observed / not observed", ratio(found, "observed", "not observed"), most=1.15)
