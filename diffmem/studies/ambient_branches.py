"""Samples at the noise of the data: under the score of clean points, and under the optimum of ambient training."""

import math

import jax
from jaxtyping import Array, Float

from ..integrators import Heun, grids, sample
from ..processes import EDM
from ..scores import AbstractScore, Ambient, Empirical

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
    times = grids.karras(EDM(sigma_min=low, sigma_max=high), steps)
    key, size = jax.random.key(0), start.shape[1:]  # the flow draws nothing
    return sample(score, PROCESS, Heun(), times, size, len(start), key=key, start=start, finish="state").points
