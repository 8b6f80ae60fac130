"""Training points and reference answers of the posterior benchmarks."""

import jax
import jax.numpy as jnp
import numpy as np
from measure import compiled
from scipy.fft import dct


def image_like(n: int, d: int, seed: int = 0, variance: float = 0.25) -> np.ndarray:
    """n float32 points of covariance eigenvalues `L_k ~ k^-1.5` on axes of a cosine transform; `variance` is that of a
    coordinate, on average.
    """
    spectrum = np.arange(1, d + 1) ** -1.5
    scale = np.sqrt(spectrum / spectrum.sum() * d * variance).astype(np.float32)
    rng = np.random.default_rng(seed)
    points = np.empty((n, d), np.float32)
    for start in range(0, n, 4096):
        block = points[start : start + 4096]
        block[:] = dct(rng.standard_normal(block.shape, np.float32) * scale, norm="ortho", overwrite_x=True)
    return points


def forward(points: np.ndarray, sigma: float, count: int, seed: int = 1) -> np.ndarray:
    """`y_i + sigma z` for the first points, again and again where there are not enough, in float32."""
    z = np.random.default_rng(seed).standard_normal((count, points.shape[1]))
    return (points[np.arange(count) % len(points)] + sigma * z).astype(np.float32)


def reference(points: np.ndarray, x: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, displacement D - x and D at one query: direct differences in float64, by blocks."""
    x = x.astype(np.float64)
    squares = np.concatenate(
        [np.square(points[i : i + 2048].astype(np.float64) - x).sum(axis=1) for i in range(0, len(points), 2048)]
    )
    logits = (squares.min() - squares) / (2 * sigma**2)
    weights = np.exp(logits) / np.exp(logits).sum()
    heavy = np.flatnonzero(weights > 1e-22)
    best = points[weights.argmax()].astype(np.float64)
    pull = np.zeros_like(x)
    for i in range(0, len(heavy), 2048):
        part = heavy[i : i + 2048]
        pull += weights[part] @ (points[part].astype(np.float64) - best)
    return weights, best - x + pull, best + pull


def two_products(points: np.ndarray, queries: np.ndarray) -> list:
    """The limit of any dense posterior: `x Y^T`, and weights times Y, as (name, build) for XLA, NumPy and PyTorch."""
    weights = np.random.default_rng(2).random((len(queries), len(points)), np.float32)

    def by_xla():
        def both(x, w, y):
            return jnp.matmul(x, y.T, precision="highest"), jnp.matmul(w, y, precision="highest")

        return compiled(both, *(jax.device_put(part) for part in (queries, weights, points)))

    def by_numpy():
        return lambda: (queries @ points.T, weights @ points)

    def by_torch():
        import torch

        x, w, y = (torch.from_numpy(part) for part in (queries, weights, points))
        return lambda: (x @ y.T, w @ y)

    return [("two products, XLA", by_xla), ("two products, NumPy", by_numpy), ("two products, PyTorch", by_torch)]
