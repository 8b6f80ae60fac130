"""Exact flows under the score of clean points and under the optimum of ambient training, and averages of their ends."""

import math

import numpy as np
from jaxtyping import Array, ArrayLike, Float, Real

from ...integrators import grids
from ...metrics import nearest
from ...processes import EDM
from ...scores import AbstractScore, Ambient, Empirical
from ..flows import flow_from

PROCESS = EDM()  # one process for all grids: only their times differ, so nothing compiles again
BOTTOM = 2e-3  # noise at which a flow counts as ended


def ambient_branches(
    train: Float[Array, "n d"],
    unit_noise: Float[Array, "n d"],
    noise: float,
    start: Float[Array, "count d"],
    top: float,
    *,
    steps: int,
) -> dict[str, Float[Array, "count d"]]:
    """States at sigma = `noise` of two exact flows from the states `start` at sigma = `top`.

    "plain": of the score of the points. "ambient": of `scores.Ambient`, the optimum of ambient training from the copies
    y = x + noise z; in tau = sqrt(sigma^2 - noise^2) its flow is that of the empirical score of the copies, followed
    down to tau = 0, where it ends on one of them.
    Source: Shah et al., arXiv:2502.21278; derived.
    """
    copies = Ambient(train + noise * unit_noise, noise).noisy
    return {
        "plain": flow_between(Empirical(train), start, top, noise, steps=steps),
        "ambient": flow_between(copies, start, math.sqrt(top**2 - noise**2), steps=steps),
    }


def flow_between(
    score: AbstractScore, start: Float[Array, "count d"], high: float, low: float = BOTTOM, *, steps: int
) -> Float[Array, "count d"]:
    """States at noise `low` (alpha = 1) of the probability flow from states at `high`, by Heun's method on a Karras
    grid."""
    return flow_from(start, score, PROCESS, grids.karras(EDM(sigma_min=low, sigma_max=high), steps)).points


def average_by_source(
    samples: Real[ArrayLike, "count d"],
    seen: Real[ArrayLike, "n d"],
    clean: Real[ArrayLike, "n d"],
    least: int = 10,
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """The averaging attack: distance from the average of the samples of each source to its clean point, and their
    number.

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
