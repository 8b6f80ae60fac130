"""How much do networks copy that are trained alike on sets of several sizes, or with several widths?"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from ..processes import EDM
from ..scores import AbstractDensity
from ..training import LogUniform, ScoreMatching, fit_many, log_spaced, weights
from .network_courses import RATIOS, residual_networks
from .training_course import rise_time, training_course

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
    sets: Sequence[Float[Array, "_ d"]],
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
    1e-3. Losses are means over 12 levels, the held-out one on 1,000 points of `law`. Samples follow the
    probability flow from pure noise of the largest sigma.

    Cost: steps x networks x batch x 6 largest-width^2 multiplications; 8,000 steps of 3 networks of width 128 take half
    a minute.
    """
    held_key, fit_key, sample_key, *own = jax.random.split(key, 3 + len(sets))
    found = fit_many(
        residual_networks(widths, sets[0].shape[1], data_std, keys=own),
        list(sets),
        ScoreMatching(LogUniform(*RATIOS), weights.EDM(data_std)),
        key=fit_key,
        steps=steps,
        batch=batch,
        held_out=law.draw(1000, key=held_key),
        snapshots=log_spaced(steps, LOOKS, min(FIRST, steps)),
    )
    process = EDM(sigma_min=RATIOS[0], sigma_max=RATIOS[1])
    course = training_course(found, list(sets), process, key=sample_key, samples=samples, steps=STEPS, snapshots=[-1])
    risen = [rise_time(found.steps, curve, gap) for curve in found.held_out_loss - found.train_loss]
    return TrainedNetworks(course.copied.values[:, -1], np.array(risen))
