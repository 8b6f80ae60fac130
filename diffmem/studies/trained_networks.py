"""How much do networks copy that are trained alike on sets of several sizes, or with several widths?"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from ..integrators import Heun, grids, sample
from ..level import NoiseLevel
from ..metrics import memorization
from ..networks import ResidualMLP
from ..processes import EDM
from ..scores import AbstractDensity, Learned
from ..scores.predictions import Preconditioned
from ..training import LogUniform, ScoreMatching, fit_many, log_spaced, weights
from .capacity import first_above

LOW, HIGH = 0.1, 3.0  # sigma, log-uniform in training and the ends of the sampling
LOOKS, FIRST = 20, 50  # snapshots of the losses, and the first of them
STEPS = 40  # of the sampler


class TrainedNetworks(NamedTuple):
    """One entry for each network."""

    copied: Float[np.ndarray, "members"]
    """Share of copies (d1 < d2/3) among its samples at the end of training."""
    gap_step: Float[np.ndarray, "members"]
    """Step at which its held-out loss has first risen above its training loss by the asked gap, NaN where never."""


def trained_networks(
    law: AbstractDensity,
    data_std: float,
    sets: Sequence[Float[Array, "n d"]],
    widths: Sequence[int],
    *,
    key: PRNGKeyArray,
    steps: int,
    batch: int = 128,
    samples: int = 1000,
    gap: float = 0.3,
) -> TrainedNetworks:
    """Residual networks of two hidden layers, one for each set and width beside it, trained at once and sampled.

    Preconditioned, sigma log-uniform in [.1, 3], loss of order 1 at every level (`training.weights.EDM`), Adam at
    1e-3. Losses are means over 12 levels, the held-out one on 1,000 points of `law`. Samples start in the law at the
    largest sigma and follow the probability flow.

    Cost: steps x networks x batch x 6 largest-width^2 multiplications; 8,000 steps of 3 networks of width 128 take half
    a minute.
    """
    held_key, fit_key, start_key, *own = jax.random.split(key, 3 + len(sets))
    prediction, size = Preconditioned(data_std), sets[0].shape[1]
    starts = [
        Learned(ResidualMLP(size, max(widths), active=width, key=k), prediction, ratios=(LOW, HIGH))
        for width, k in zip(widths, own, strict=True)
    ]
    found = fit_many(
        starts,
        list(sets),
        ScoreMatching(LogUniform(LOW, HIGH), weights.EDM(data_std)),
        key=fit_key,
        steps=steps,
        batch=batch,
        held_out=law.draw(1000, key=held_key),
        snapshots=log_spaced(steps, LOOKS, min(FIRST, steps)),
    )
    process = EDM(sigma_min=LOW, sigma_max=HIGH)
    noisy = jax.vmap(lambda k: law.sample(NoiseLevel(1.0, HIGH), key=k))(jax.random.split(start_key, samples))
    copied = []
    for i, points in enumerate(sets):
        score, times = found.member(i).score, grids.karras(process, STEPS)
        ends = sample(score, process, Heun(), times, (size,), samples, key=start_key, start=noisy).points
        copied.append(memorization(ends, points).fraction)
    risen = found.held_out_loss - found.train_loss
    passed = [np.exp(first_above(np.log(found.steps), curve, gap)) for curve in risen]
    return TrainedNetworks(np.array(copied), np.array(passed))
