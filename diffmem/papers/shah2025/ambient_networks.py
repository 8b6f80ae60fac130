"""Networks trained on one noisy copy of each point, beside one that sees the points: losses and copies."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import xarray as xr
from jaxtyping import PRNGKeyArray

from ... import training
from ...processes import EDM
from ...scores import AbstractDensity
from ...studies.network_courses import HELD_OUT, RATIOS, deviation, residual_networks
from ...studies.training_course import rise_time, training_course
from ..measurements import farthest

WIDTH = 128  # hidden units of each of the two layers


def ambient_courses(
    law: AbstractDensity, n: int, noises: Sequence[float], *, key: PRNGKeyArray, steps: int, snapshots: Sequence[int]
) -> xr.Dataset:
    """Train one network for each noise of the data on n points of `law`, from equal weights with equal batches.

    The objective is `training.AmbientScoreMatching` with one copy of each point (the same unit noise for all members);
    noise 0 is plain score matching. Networks and training as in `studies.network_courses`. Over `noise` and `step`:
    `held_out_loss`, the plain one on fresh points for every member, and `copied`, of the clean points.
    """
    data_key, copy_key, held_key, start_key, fit_key, sample_key = jax.random.split(key, 6)
    points, held_out = law.draw(n, key=data_key), law.draw(HELD_OUT, key=held_key)
    data_std = deviation(held_out)
    start = residual_networks([WIDTH], points.shape[1], data_std, keys=[jax.random.fold_in(start_key, 0)])
    objective = training.AmbientScoreMatching(training.LogUniform(*RATIOS), training.weights.EDM(data_std))
    run = training.fit_many(
        start * len(noises),
        [training.noisy_copies(points, noise, key=copy_key) for noise in noises],
        objective,
        key=[fit_key] * len(noises),
        steps=steps,
        held_out=training.noisy_copies(held_out, 0.0, key=copy_key),
        snapshots=snapshots,
    )
    found = training_course(run, [points] * len(noises), EDM(*RATIOS), key=sample_key, samples=500, steps=14)
    return found.swap_dims(member="noise").assign_coords(noise=list(noises))[["held_out_loss", "copied"]]


def ambient_against_plain(course: xr.Dataset, loss: float) -> dict[str, Any]:
    """What ambient training changes, from `ambient_courses` whose first noise is 0, the plain one.

    Lowest held-out loss of plain over ambient training; copies where that loss is lowest; copies at the last step,
    ambient over plain; copies, the first ambient noise over plain, where the losses, past their minima, reach `loss`.
    """
    losses, copied = course.held_out_loss.values, course.copied.values  # (noises, steps)
    least, last = losses.min(1), copied[:, -1]
    plain, ambient = (at_held_out_loss(course.isel(noise=i), loss) for i in range(2))
    return {
        "learned_least": (least[0] / least[1:]).max(),
        "learned_least_copied": copied[np.arange(len(copied)), losses.argmin(1)].max(),
        "learned_equal_steps": farthest(last[1:] / last[0], 1),
        "learned_equal_loss": ambient / plain,
    }


def at_held_out_loss(course: xr.Dataset, loss: float) -> float:
    """The share of copies of one member where its held-out loss, past the minimum, reaches `loss`; NaN where not."""
    first = min(course.held_out_loss.values.argmin(), course.sizes["step"] - 2)  # leaves two nodes at least
    past = course.isel(step=slice(first, None))
    step = rise_time(past.step.values, past.held_out_loss.values, loss)
    return float(np.interp(np.log(step), np.log(past.step.values), past.copied.values))
