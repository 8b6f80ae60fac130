"""The hidden units by which a two-layer ReLU autoencoder memorizes well separated training points."""

import numpy as np
from jaxtyping import ArrayLike, Float


def memorizing_column_mass(
    squared_norms: Float[ArrayLike, "*points"], n: int, sigma: float, weight_decay: float
) -> Float[np.ndarray, "*points"]:
    """|w1| |w2| of the unit that memorizes one of n separated points: `(|x|^2 - n lambda)/(|x|^2 + sigma^2)`.

    It belongs to the minimum of `(1/n) sum_i E|W2 relu(W1^T (x_i + sigma z)) - x_i|^2 + lambda (|W1|^2 + |W2|^2)`, with
    one unit `w1 = w2 = r x_i` for each point, which no other point activates: `mass = r^2 |x|^2`. It is 0 where
    |x|^2 <= n lambda, where the unit would cost more penalty than it saves.

    Derived: with s = r^2 and a = |x|^2 the terms of the loss that contain the unit are
    `(a (1 - s a)^2 + s^2 sigma^2 a^2)/n + 2 lambda s a`, stationary at `s = (a - n lambda)/(a^2 + sigma^2 a)`. Noise
    does not deactivate the unit: sigma << |x|. Computed in NumPy, float64.
    Raises ValueError for n below 1, `sigma` or `weight_decay` negative, and squared norms that are not positive.
    Source: the memorizing minima of Zhang et al., arXiv:2512.20963.
    """
    a = np.asarray(squared_norms, np.float64)
    if not (np.isfinite(a).all() and (a > 0).all()):
        raise ValueError(f"`squared_norms` must be positive and finite, but hold {a.min()} to {a.max()}.")
    if n < 1:
        raise ValueError(f"`n` must be at least 1, but is {n}.")
    for name, value in {"sigma": sigma, "weight_decay": weight_decay}.items():
        if not 0 <= value < np.inf:
            raise ValueError(f"`{name}` must be finite and at least 0, but is {value}.")
    return np.asarray(np.maximum(a - n * weight_decay, 0) / (a + sigma**2))
