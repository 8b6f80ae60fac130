"""An audit from disk

Samples against a training set, both float32 in .npy files, image-like data: the search for the two nearest training
points alone, and the whole audit with a held-out set of a tenth of the samples (hashes, controls, duplicates, leaks,
planted copies). A fifth of the samples are copies. *Error* is the share of 50 samples whose nearest point is not that
of direct differences in double precision. The limit is the matrix product alone, in memory, by the fastest of XLA,
NumPy and PyTorch, taken with the first thousand samples and scaled; reading the files is measured apart.
"""

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import points as data
from book import ratio
from measure import Contender, race
from neighbours import blocks, by_numpy, by_torch, by_xla, direct

from diffmem import audit
from diffmem.auditing.resumable import Queries, Work, search
from diffmem.auditing.sets import Reading, opened

SEARCH, WHOLE, READ = "neighbours from disk", "whole audit", "reading"
CHECKED = 50
MOST_BYTES = 2e9


def cases(full: bool) -> list[str]:
    """Samples x points x dimensions."""
    return ["5000 x 50000 x 3072"] if full else ["200 x 2000 x 128"]


def run(book, case: str) -> None:
    """The product, reading, the search, the whole."""
    count, n, d = (int(word) for word in case.split(" x "))
    points = data.image_like(n + count // 10, d)
    train, test = points[:n], points[n:]
    samples = data.forward(train, 0.5, count)
    samples[::5] = train[: len(samples[::5])]
    truth = np.array([direct(x, train)[0] for x in samples[:CHECKED]])
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{name}.npy" for name in ("samples", "train", "test")]
        for path, rows in zip(paths, (samples, train, test)):
            np.save(path, rows)
        limit = {"product, XLA": by_xla, "product, NumPy": by_numpy, "product, PyTorch": by_torch}
        part = len(blocks(samples)[0]) / count
        contenders = [Contender(name, partial(build, samples, train), share=part) for name, build in limit.items()]
        contenders += [Contender(READ, lambda: lambda: sum(float(np.load(path).sum()) for path in paths))]
        ours = {SEARCH: searched, WHOLE: whole}
        contenders += [Contender(name, partial(build, paths)) for name, build in ours.items()]

        def error(found):
            return float(np.mean(found[:CHECKED] != truth)) if np.ndim(found) == 1 else None

        found = race(book, case, contenders, limit=tuple(limit), error=error, repeats=3)
    rows = {row["method"]: row for row in book.content["rows"]}
    product = min((found[name] for name in limit if name in found), default=None)
    for name in ours:
        book.goal(case, f"{name}: share of nearest points that differ", rows[name].get("error"), most=0)
        book.goal(case, f"{name}: memory in bytes", rows[name].get("memory_bytes"), most=MOST_BYTES)
        left = None if product is None or name not in found else (found[name] - found[READ]) / product
        book.goal(case, f"{name}: (time - reading) / product", left, most=1.5)
    book.entry(**{"whole audit / search": ratio(found, WHOLE, SEARCH)})


def searched(paths):
    """Both sets opened, as an audit opens them, and the two nearest of the training points found."""

    def call():
        with tempfile.TemporaryDirectory() as store:
            told = Path(store), lambda *progress: None
            samples, train = (opened(path, path.stem, Reading(), *told) for path in paths[:2])
            return search(Queries(samples), train, 2, Work(None, told[1]), "samples").index[:, 0]

    return call


def whole(paths):
    """`diffmem.audit`."""
    return lambda: audit(*paths).arrays["nearest"].values
