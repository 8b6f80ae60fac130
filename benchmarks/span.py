"""Dimensions without limit: coordinates of the span

1,000 points in d dimensions are carried to at most 1,000 coordinates of their span, where they are sampled: 64 samples
by 18 steps of Heun's method. Their time should not know of d; turning the points into coordinates is linear in d (its
limit is the product of the points with their transpose, in double precision, by NumPy, taken at 10^4 dimensions).
"""

import os
import time
from functools import partial

import jax.random as jr
import numpy as np
from measure import Contender, race, seconds_of, warmed

import diffmem as dm
from diffmem import data
from diffmem.integrators import Heun, grids
from diffmem.reductions import Chunked
from diffmem.scores import Empirical

NEEDED = 10e9  # free bytes from which a million dimensions are tried


def cases(full: bool) -> list[str]:
    """One case: the dimensions are compared."""
    return ["d from 10^3"]


def run(book, case: str) -> None:
    """Coordinates one after the other, then all samplings in one race."""
    n, sizes = (1_000, [10**3, 10**4, 10**5, 10**6]) if book.full else (100, [10**2, 10**3, 10**4])
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    coordinates, turned = {}, {}
    for d in sizes:
        if d >= 10**6 and free < NEEDED:
            book.row(f"n = {n}", f"coordinates, d = {d}", failure=f"{free / 1e9:.1f} GB free")
            continue
        coordinates[d], turned[d] = rotated(book, n, d)
    process = dm.processes.EDM()
    times = grids.karras(process, steps=18)
    contenders = [
        Contender(f"sampling, d = {d}", partial(sampled, points, process, times)) for d, points in coordinates.items()
    ]
    found = race(book, f"n = {n}", contenders, ours=contenders[0].name)
    first = found.get(contenders[0].name)
    for d in list(coordinates)[1:]:
        ratio = found[f"sampling, d = {d}"] / first
        book.goal(f"d = {d}", f"sampling time / that of d = {sizes[0]}", ratio, most=1.2)
    high = [d for d in turned if d >= 10 * n]
    if len(high) > 1:
        growth = turned[high[-1]] / turned[high[0]] / (high[-1] / high[0])
        book.goal(f"d = {high[-1]}", f"coordinates, time for a dimension / that of d = {high[0]}", growth, most=1.2)


def rotated(book, n, d):
    """Coordinates, and what they took; once, as the points may fill the memory."""
    points = np.random.default_rng(0).standard_normal((n, d), np.float32)
    seconds = []
    for _ in range(3 if d < 10**6 else 1):
        start = time.perf_counter()
        span = data.span_coordinates(points)
        seconds.append(time.perf_counter() - start)
    block = points[:, :10_000].astype(np.float64)
    product = min(seconds_of(lambda: block @ block.T) for _ in range(3)) * d / block.shape[1]
    median = sorted(seconds)[len(seconds) // 2]
    book.row(f"n = {n}", f"coordinates, d = {d}", seconds=seconds, limit_ratio=median / product)
    return np.array(span.points), median


def sampled(points, process, times):
    """Samples in coordinates."""
    score = Empirical(points, reduction=Chunked())
    return warmed(lambda: dm.sample(score, process, Heun(), times, points.shape[1:], 64, key=jr.key(0)).points)
