"""Other ways to the posterior mean D(x) of a batch of queries: each `build()` prepares one and returns what is timed.

All of them take float32 `points` (n, d), `queries` (b, d) and a noise scale, and return D (b, d). PyTorch moves to a
GPU where it sees one; faiss, scikit-learn and KeOps are their CPU builds.
"""

import importlib.util
import sys
from unittest.mock import MagicMock

import numpy as np
from measure import Ready, compiled, seconds_of


def torch_device() -> str:
    """Where PyTorch computes."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def torch_cdist(points, queries, sigma):
    """The usual recipe: distances by `cdist`, squared, softmax, product."""
    import torch

    y, x = (torch.from_numpy(part).to(torch_device()) for part in (points, queries))
    return lambda: (torch.softmax(torch.cdist(x, y) ** 2 / (-2 * sigma**2), dim=1) @ y).cpu()


def torch_products(points, queries, sigma):
    """Energies by one matrix product: `(x.y - |y|^2 / 2) / sigma^2`."""
    import torch

    y, x = (torch.from_numpy(part).to(torch_device()) for part in (points, queries))
    squares = (y**2).sum(dim=1) / 2
    return lambda: (torch.softmax((x @ y.T - squares) / sigma**2, dim=1) @ y).cpu()


def plain_jax(points, queries, sigma):
    """The same in one line of JAX."""
    import jax
    import jax.numpy as jnp

    def mean(y, squares, x, sigma):
        logits = (jnp.matmul(x, y.T, precision="highest") - squares) / sigma**2
        return jnp.matmul(jax.nn.softmax(logits, axis=1), y, precision="highest")

    y = jax.device_put(points)
    return compiled(mean, y, jnp.sum(y**2, axis=1) / 2, jax.device_put(queries), jnp.float32(sigma))


def keops(points, queries, sigma):
    """`LazyTensor.sumsoftmaxweight`."""
    import torch
    from pykeops.torch import LazyTensor

    y, x = torch.from_numpy(points), torch.from_numpy(queries)

    def mean(y):
        energies = ((LazyTensor(x[:, None]) - LazyTensor(y[None])) ** 2).sum(-1) * (-0.5 / sigma**2)
        return energies.sumsoftmaxweight(LazyTensor(y[None]), axis=1)

    # its C++ is compiled for a formula and a dimension, and kept on disk
    return Ready(lambda: mean(y), seconds_of(lambda: mean(y[:2])))


def sklearn_distances(points, queries, sigma):
    """`euclidean_distances`, which computes float32 input in float64 blocks, then softmax and product."""
    from scipy.special import softmax
    from sklearn.metrics.pairwise import euclidean_distances

    return lambda: softmax(euclidean_distances(queries, points, squared=True) / (-2 * sigma**2), axis=1) @ points


def faiss_top(points, queries, sigma, k=2000):
    """The k nearest points by an exact faiss index, softmax over them; the index is built apart."""
    import faiss

    index = faiss.IndexFlatL2(points.shape[1])
    index.add(points)
    k = min(k, len(points))

    def call():
        squares, near = index.search(queries, k)
        weights = np.exp((squares[:, :1] - squares) / (2 * sigma**2))
        weights /= weights.sum(axis=1, keepdims=True)
        return np.stack([w @ points[i] for w, i in zip(weights, near)])

    return call


def smalldiffusion(points, queries, sigma):
    """`IdealDenoiser`, whose prediction is (x - D) / sigma."""
    import torch

    missing = importlib.util.find_spec("torchvision") is None
    if missing:  # its data sets need it, the denoiser does not
        sys.modules["torchvision"] = MagicMock()
    from smalldiffusion.model import IdealDenoiser

    if missing:
        del sys.modules["torchvision"]
    model = IdealDenoiser([torch.from_numpy(point) for point in points])
    x, level = torch.from_numpy(queries), torch.tensor(sigma)
    return lambda: x - sigma * model(x, level)


def diffusionlab(points, queries, sigma):
    """`EmpiricalDistribution` in batches of 512 points, vmapped; its loop over batches is unrolled by the compiler."""
    import jax
    import jax.numpy as jnp
    from diffusionlab.distributions.empirical import EmpiricalDistribution
    from diffusionlab.dynamics import VarianceExplodingProcess

    batches = [(jnp.asarray(points[i : i + 512]), None) for i in range(0, len(points), 512)]
    process = VarianceExplodingProcess(sigma=lambda t: t)
    law = EmpiricalDistribution(batches)
    return compiled(jax.vmap(lambda x: law.x0(x, jnp.float32(sigma), process)), jax.device_put(queries))
