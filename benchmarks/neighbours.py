"""Nearest training points

The two nearest of the training points for each sample, image-like data, float32. Samples are noisy training points, a
fifth of them exact copies. *Error* is the share of 50 samples whose two neighbours are not those of direct
differences in double precision, in their order. The limit is the matrix product alone by the fastest of XLA, NumPy
and PyTorch, taken with the first thousand samples and scaled.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import points as data
from book import ratio
from measure import Contender, compiled, race
from rivals import torch_device

from diffmem import metrics

OURS = "diffmem"
K, BLOCK, CHECKED = 2, 1024, 50


def cases(full: bool) -> list[str]:
    """Samples x points x dimensions."""
    return ["5000 x 50000 x 3072"] if full else ["200 x 2000 x 128"]


def run(book, case: str) -> None:
    """One search by each."""
    count, n, d = (int(word) for word in case.split(" x "))
    train = data.image_like(n, d)
    samples = data.forward(train, 0.5, count)
    samples[::5] = train[: len(samples[::5])]
    truth = np.stack([direct(x, train) for x in samples[:CHECKED]])

    def error(found):
        return float(np.mean(np.any(np.asarray(found)[:CHECKED] != truth, axis=1)))

    limit = {"product, XLA": by_xla, "product, NumPy": by_numpy, "product, PyTorch": by_torch}
    rivals = {"scikit-learn brute force": sklearn_search, "faiss flat": faiss_search, "PyTorch, cdist": torch_search}
    part = len(blocks(samples)[0]) / count
    contenders = [Contender(name, partial(build, samples, train), share=part) for name, build in limit.items()]
    searches = {OURS: ours} | rivals
    contenders += [Contender(name, partial(build, samples, train)) for name, build in searches.items()]
    found = race(book, case, contenders, ours=OURS, limit=tuple(limit), error=error)
    own = [row["error"] for row in book.content["rows"] if row["method"] == OURS]
    book.goal(case, "share of samples out of order", own[0] if own else None, most=0)
    for rival in rivals:
        most = 1 / 3 if "scikit-learn" in rival else 1
        book.goal(case, f"time / {rival}", ratio(found, OURS, rival), most=most)


def direct(x, train):
    """Indices by direct differences in float64; equal distances in the order of the points."""
    squares = [np.square(train[i : i + 2048].astype(float) - x).sum(axis=1) for i in range(0, len(train), 2048)]
    return np.argsort(np.concatenate(squares), kind="stable")[:K]


def ours(samples, train):
    """`metrics.nearest`."""
    return lambda: metrics.nearest(samples, train, k=K).index


def blocks(samples):
    """Slices of the samples."""
    return [samples[i : i + BLOCK] for i in range(0, len(samples), BLOCK)]


def by_numpy(samples, train):
    """The product with the first block."""
    block = blocks(samples)[0]
    return lambda: (block @ train.T).min()


def by_xla(samples, train):
    """The same."""

    def least(x, y):
        return jnp.min(jnp.matmul(x, y.T, precision="highest"))

    return compiled(least, jax.device_put(blocks(samples)[0]), jax.device_put(train))


def by_torch(samples, train):
    """The same."""
    import torch

    x, y = torch.from_numpy(blocks(samples)[0]), torch.from_numpy(train)
    return lambda: (x @ y.T).min()


def torch_search(samples, train):
    """`cdist` and `topk`, by blocks."""
    import torch

    x, y = (torch.from_numpy(part).to(torch_device()) for part in (samples, train))
    return lambda: torch.cat([torch.cdist(b, y).topk(K, largest=False).indices for b in blocks(x)]).cpu()


def sklearn_search(samples, train):
    """`NearestNeighbors`."""
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=K, algorithm="brute").fit(train)
    return lambda: search.kneighbors(samples, return_distance=False)


def faiss_search(samples, train):
    """`IndexFlatL2`, its points added before."""
    import faiss

    index = faiss.IndexFlatL2(train.shape[1])
    index.add(train)
    return lambda: index.search(samples, K)[1]
