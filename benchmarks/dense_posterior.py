"""Posterior of a batch over a whole training set

One pass over n points for 64 forward queries, everything a posterior reports, against the ways to compute only its
mean. Data have an image-like spectrum, k^-1.5, and total variance d/4. The limit is two matrix products of the same
shape by the fastest of XLA, NumPy and PyTorch. Errors are `|D - D_64| / |D_64|`, the worst of four queries, D_64 by
direct differences in double precision. Times of the slower rivals do not depend on sigma and are taken once.

Where the time goes at sigma 2, where tens of points share the weight: one core takes 1.1 times its two products at d
= 784, of which the differences of 64 queries to 64 leaders, scattered rows read three times, are 6 to 8 ms (23 ms at
d = 3072). That part and the sums do not gain from a second core as the products do.
"""

from functools import partial

import equinox as eqx
import jax
import numpy as np
import points as data
import rivals
from book import ratio
from measure import Contender, compiled_for, race

from diffmem import NoiseLevel, Posterior
from diffmem.reductions import Chunked
from diffmem.scores import Empirical

OURS = "diffmem Chunked"
HEAVY = 2.0  # sigma at which the slow rivals run
CHECKED = 4  # queries with a double-precision reference


def cases(full: bool) -> list[str]:
    """One for each dimension: they share the points."""
    return ["d = 784", "d = 3072"] if full else ["d = 128"]


def run(book, case: str) -> None:
    """All noise scales of one dimension."""
    d = int(case.split("=")[1])
    n, queries = (50_000, 64) if book.full else (2_000, 16)
    points = data.image_like(n, d)
    sigmas = (0.1, 2.0, 8.0, 40.0) if book.full else (0.1, 2.0)
    posterior = prepared(points, queries)
    found = []
    for sigma in sigmas:
        found.append(at_level(book, f"{queries} x {n} x {d}, sigma {sigma:g}", posterior, points, sigma, queries))
    compare(book, case, found)


def prepared(points, count):
    """A vmapped posterior of any queries and sigma, compiled once with the points as arguments."""
    score = Empirical(points, reduction=Chunked())
    arrays, static = eqx.partition(score, eqx.is_array)

    def posterior(x, sigma, arrays):
        return jax.vmap(lambda x: eqx.combine(arrays, static).posterior(x, NoiseLevel(1.0, sigma)))(x)

    return compiled_for(posterior, np.zeros((count, points.shape[1]), np.float32), np.float32(1), arrays)


def at_level(book, case, posterior, points, sigma, count):
    """One race: its medians, and the row of ours."""
    queries = data.forward(points, sigma, count)
    truth = np.stack([data.reference(points, x, sigma)[2] for x in queries[:CHECKED]])

    def error(result):
        mean = result.mean if isinstance(result, Posterior) else result
        off = np.linalg.norm(np.asarray(mean, np.float64)[:CHECKED] - truth[: len(mean)], axis=1)
        return float((off / np.linalg.norm(truth[: len(mean)], axis=1)).max())

    limit = data.two_products(points, queries)
    contenders = [Contender(name, build) for name, build in limit]
    contenders += [Contender(OURS, partial(posterior, jax.device_put(queries), np.float32(sigma)))]
    contenders += list(rivals_at(book, points, queries, sigma))
    times = race(book, case, contenders, ours=OURS, limit=tuple(name for name, _ in limit), error=error)
    row = next(row for row in book.content["rows"] if row["case"] == case and row["method"] == OURS)
    return times, row


def rivals_at(book, points, queries, sigma):
    """The fast ones at every level, the slow ones at one."""
    n = len(points)
    fast = {
        "PyTorch, cdist": rivals.torch_cdist,
        "PyTorch, products": rivals.torch_products,
        "JAX, one line": rivals.plain_jax,
        "smalldiffusion": rivals.smalldiffusion,
    }
    for name, build in fast.items():
        yield Contender(name, partial(build, points, queries, sigma))
    if sigma != HEAVY:
        return
    yield Contender("scikit-learn distances", partial(rivals.sklearn_distances, points, queries, sigma))
    yield Contender("faiss, nearest 2000", partial(rivals.faiss_top, points, queries, sigma))
    few = max(1, len(queries) // 16)
    yield Contender(
        "KeOps",
        partial(rivals.keops, points, queries[:few], sigma),
        share=few / len(queries),
        note=f"{few} of {len(queries)} queries, time scaled",
    )
    some = min(n, 2048)
    yield Contender(
        "diffusionlab",
        partial(rivals.diffusionlab, points[:some], queries, sigma),
        share=some / n,
        note=f"{some} of {n} points, time scaled; its error is that of the missing points" if some < n else "",
    )


def compare(book, case, found):
    """The goals, each at the worst sigma."""

    def worst(values):
        values = [value for value in values if value is not None]
        return max(values, default=None)

    times, rows = zip(*found)
    book.goal(case, "time / two products", worst(row.get("limit_ratio") for row in rows), most=1.2)
    book.goal(case, "time / PyTorch cdist", worst(ratio(at, OURS, "PyTorch, cdist") for at in times), most=0.4)
    book.goal(case, "time / PyTorch products", worst(ratio(at, OURS, "PyTorch, products") for at in times), most=0.7)
    book.goal(case, "time / KeOps", worst(ratio(at, OURS, "KeOps") for at in times), most=1 / 20)
    book.goal(case, "extra memory, bytes", worst(row.get("memory_bytes") for row in rows), most=100e6)
    book.goal(case, "planned temporaries, bytes", worst(row.get("temporary_bytes") for row in rows), most=100e6)
    book.goal(case, "relative error of D", worst(row.get("error") for row in rows), most=1e-5)
