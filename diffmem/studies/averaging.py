"""The averaging attack: many samples of one source, averaged, show what the model has seen of it."""

import numpy as np
from jaxtyping import ArrayLike, Float, Real

from ..metrics import nearest


def average_by_source(
    samples: Real[ArrayLike, "count d"],
    seen: Real[ArrayLike, "n d"],
    clean: Real[ArrayLike, "n d"],
    least: int = 10,
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Average the samples of each source: distance to its clean point, and number of samples.

    The source of a sample is its nearest point of `seen`; the distance is NaN where it has fewer than `least` samples.
    For samples `x_i + s z` of sources seen clean it falls as `s sqrt(d/k)`; for sources seen through one noisy copy it
    stays at the noise of the copy. Cost: one nearest-neighbour search.
    """
    states, clean = np.asarray(samples, np.float64), np.asarray(clean, np.float64)
    source = nearest(states, seen).index[:, 0]
    size = np.bincount(source, minlength=len(clean)).astype(float)
    total = np.zeros(clean.shape)
    np.add.at(total, source, states)
    enough = size >= least
    mean = total / np.where(enough, size, 1)[:, None]
    return np.where(enough, np.linalg.norm(mean - clean, axis=1), np.nan), size
