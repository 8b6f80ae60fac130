"""Training sets and queries that are hard on a screen: what is near, heavy, long, repeated, shifted, or off the process."""

import numpy as np


def image_like(rng, n, d):
    """Variances falling like k^-1.5, as those of natural images do."""
    return 3 * rng.normal(size=(n, d)) * np.arange(1, d + 1) ** -0.75


def clustered(rng, n, d):
    """Twenty tight clusters."""
    return rng.normal(size=(20, d))[rng.integers(20, size=n)] + 0.05 * rng.normal(size=(n, d))


def near_copies(rng, n, d):
    """Three hundred points close to the first one."""
    points = image_like(rng, n, d)
    points[1:300] = points[0] + 0.003 * rng.normal(size=(299, d)) / np.sqrt(d)
    return points


def exact_copies(rng, n, d):
    """Ten copies of one point, two of each of many others."""
    points = image_like(rng, n, d)
    points[1:10] = points[0]
    points[n // 2 + 10 : n - 10] = points[20 : n - n // 2]
    return points


def shifted(rng, n, d):
    """A thousand away from the origin."""
    return image_like(rng, n, d) + 1000


CLOUDS = {
    "image-like": image_like,
    "clustered": clustered,
    "near copies": near_copies,
    "exact copies": exact_copies,
    "shifted": shifted,
}
WEIGHTED = {"weighted": "image-like", "weighted near copies": "near copies"}


def cloud(name, n, d, dtype, seed=0):
    """Points and weights; those that are not uniform span 1e-12 to 1, a part of them zero."""
    rng = np.random.default_rng(seed)
    points = CLOUDS[WEIGHTED.get(name, name)](rng, n, d).astype(dtype)
    if name not in WEIGHTED:
        return points, np.ones(n, dtype)
    weights = 10 ** rng.uniform(-12, 0, size=n)
    weights[5::7] = 0
    return points, weights.astype(dtype)


def queries(points, alpha, sigma, seed=0):
    """Four of the forward process, and by name those that are none of it."""
    rng = np.random.default_rng(seed)
    data = points.astype(np.float64)
    own = rng.integers(len(data), size=4)
    noise = sigma * rng.normal(size=(4, data.shape[1]))
    return {
        "forward": alpha * data[own] + noise,
        "near copy": alpha * data[:4] + noise,
        "midpoint": alpha * (data[own] + data[(own + 7) % len(data)]) / 2,
        "ten times": 10 * (alpha * data[own] + noise),
        "point": alpha * data[own],
        "zero": 0 * data[own],
        "last axis": alpha * data[own] + 10 * np.arange(4)[:, None] * np.eye(data.shape[1])[-1],
    }
