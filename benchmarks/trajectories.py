"""Whole trajectories

64 samples by Heun's method in 18 steps, noise from 80 to .002, drawn by `sample`: 37 posteriors of the batch. `Chunked`
looks at every point at every level, `Screened` only at those that can matter, `Committed` stops where the end of a
trajectory is certain. The limit is 37 times two matrix products. The screen's preparation and what is certified (the
bound reported at every step, in a run of its own) are in the second table.

Where the time goes: of 64 trajectories on the digits 0 are certain at the eighth level (sigma 4), 12 at the ninth, 50
at the tenth and 61 at the eleventh, so 16 to 18 of the 37 passes are dense whatever a certificate does, and they are
the dear ones. A screen of rank 64 reaches up to sigma .5 to 1; above it adds 5 to 10 % to a dense pass. Summing times
level by level leaves some .65 of `Chunked` for the two together.
"""

import time
from functools import partial

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import points as data
from book import ratio
from measure import Contender, race, warmed

import diffmem as dm
from diffmem.integrators import Committed, Heun, grids
from diffmem.reductions import Chunked, Screened
from diffmem.scores import Empirical

COUNT, STEPS = 64, 18
PASSES = 2 * STEPS + 1
SCORES = {"Chunked": Chunked(), "Screened": Screened()}


def cases(full: bool) -> list[str]:
    """The training sets."""
    return ["5000 MNIST digits", "50000 x 3072 image-like"] if full else ["1500 x 128 image-like"]


def training_set(case: str) -> np.ndarray:
    """Points of a case; the digits are scaled to [-1, 1]."""
    if "MNIST" in case:
        from diffmem.data import mnist

        return np.array(mnist().points)
    n, d = (int(word) for word in case.split() if word.isdigit())
    return data.image_like(n, d)


def run(book, case: str) -> None:
    """Times, where they ended, and the certificate."""
    points = training_set(case)
    scores, prepared = {}, {}
    for name, reduction in SCORES.items():
        start = time.perf_counter()
        scores[name] = Empirical(points, reduction=reduction)
        prepared[name] = time.perf_counter() - start
    ends = race_of(book, case, points, scores)
    certified = certificate(scores["Screened"])
    for name, share in ends.items():
        facts = {"preparation": prepared[name.split()[-1]], "same end as Chunked": share}
        book.entry(case=case, method=name, **facts, **{"largest bound": certified if name == "Screened" else None})
    book.goal(case, "Screened: bound at every step", certified, most=1e-6)


def race_of(book, case, points, scores) -> dict[str, float]:
    """Four ways, each against dense; the share of samples that end on the same training point."""
    process = dm.processes.EDM()
    times = grids.karras(process, steps=STEPS)
    drawn = {}

    def sampled(name, score, integrator):
        def call():
            drawn[name] = dm.sample(score, process, integrator, times, points.shape[1:], COUNT, key=jr.key(0)).points
            return drawn[name]

        return warmed(call)

    queries = data.forward(points, 80.0, COUNT)
    limit = [Contender(name, build, share=1 / PASSES) for name, build in data.two_products(points, queries)]
    integrators = {"": Heun(), "Committed, ": Committed(Heun())}
    wanted = [how + name for how in integrators for name in scores]
    if not book.full:  # each takes seconds to compile
        wanted = ["Chunked", "Committed, Screened"]
    contenders = [
        Contender(how + name, partial(sampled, how + name, score, integrator))
        for how, integrator in integrators.items()
        for name, score in scores.items()
        if how + name in wanted
    ]
    found = race(book, case, limit + contenders, ours="Chunked", limit=tuple(each.name for each in limit))
    book.goal(case, "Screened / Chunked", ratio(found, "Screened", "Chunked"), most=0.55)
    book.goal(case, "Committed, Screened / Chunked", ratio(found, "Committed, Screened", "Chunked"), most=0.5)
    ends = {name: nearest(samples, points) for name, samples in drawn.items()}
    return {name: float(np.mean(end == ends["Chunked"])) for name, end in ends.items()}


def nearest(samples, points):
    """Indices of the nearest training points."""
    return dm.metrics.nearest(np.asarray(samples), points).index[:, 0]


def certificate(score) -> float:
    """The largest bound reported at any step."""
    process = dm.processes.EDM()
    times = grids.karras(process, steps=STEPS)

    def observe(x, level):
        return score.posterior(x, level).discarded

    out = dm.sample(score, process, Heun(), times, score.shape, COUNT, key=jr.key(0), observe=observe)
    return float(jnp.max(out.observed))
