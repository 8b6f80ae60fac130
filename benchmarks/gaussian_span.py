"""A trillion dimensions

2,000 points of N(0, I) in 10^12 dimensions, drawn in 2,000 coordinates of their span: the collapse curve, mean
posterior weight of one's own point for forward samples of all points at 25 levels, by `watch_forward`, the drawing of
the points included. It is set against the random-energy model sampled exactly for the same n and d (its bulk bound
counts as error), and against the lower bound of `theory.gaussian_own_weight`, in which 10^5 equal modes stand for 10^12
with the same total.
"""

import jax.random as jr
import numpy as np
from measure import Contender, race

import diffmem as dm
from diffmem import data, scores, theory
from diffmem.studies.collapse.forward import watch_forward

MODES = 10**5


def cases(full: bool) -> list[str]:
    """One curve."""
    return ["n = 2000, d = 10^12"] if full else ["n = 200, d = 10^12"]


def run(book, case: str) -> None:
    """The curve, its time and memory, and the comparison."""
    n, d = int(case.split()[2].rstrip(",")), 10**12
    levels = 25 if book.full else 5
    transition = np.expm1(2 * np.log(n) / d) ** -0.5
    ratio = transition * np.geomspace(0.5, 2.0, levels)
    process = dm.processes.VarianceExploding(sigma_min=ratio[0] / 2, sigma_max=ratio[-1] * 2)
    measured = []

    def curve():
        train = np.asarray(data.gaussian_span(n, d, jr.key(0)).points)
        times = np.asarray(process.time_at(ratio))
        watched = watch_forward(scores.Empirical(train), train, process, times, n, key=jr.key(1))
        measured[:] = [watched.own_weight]
        return watched.own_weight

    name = f"{levels} levels, {n} queries"
    times = race(book, case, [Contender(name, lambda: curve)], repeats=3)
    book.goal(case, "seconds for the curve", times.get(name), most=60)
    book.goal(case, "extra memory, bytes", book.content["rows"][-1].get("memory_bytes"), most=2e9)
    compare(book, case, n, d, ratio, theory.mean_estimate(measured[0].T))


def compare(book, case, n, d, ratio, own):
    """Level by level."""
    model = theory.random_energy_own_weight(n, theory.IsotropicGaussian(d), ratio, key=jr.key(2), queries=1000)
    bound = theory.gaussian_own_weight(ratio**-2.0, np.full(MODES, d / MODES), n)
    error = np.hypot(own.error, model.error)
    off = np.abs(own.value - model.value) / np.maximum(error, 1e-6)
    above = own.value - np.asarray(bound)
    for k in range(len(ratio)):
        facts = {"measured": own.value[k], "standard error": own.error[k], "random energy": model.value[k]}
        book.entry(sigma=ratio[k], **facts, **{"its error": model.error[k], "lower bound": float(bound[k])})
    book.goal(case, "random-energy model: standard errors off, at worst", off.max(), most=3)
    book.goal(case, "above the lower bound, at most", above.max(), most=0.1)
    least = (above / np.maximum(own.error, 1e-6)).min()
    book.goal(case, "above the lower bound, at least, in standard errors", least, least=-3)
