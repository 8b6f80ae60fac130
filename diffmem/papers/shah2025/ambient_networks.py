"""Networks trained on one noisy copy of each point, beside one that sees the points: losses and copies."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import PRNGKeyArray

from ... import training
from ...processes import EDM
from ...scores import GaussianMixture
from ...studies.network_courses import HELD_OUT, RATIOS, deviation, residual_networks
from ...studies.training_course import rise_time, training_course
from ..measurements import Group, farthest

WIDTH = 128  # hidden units of each of the two layers
EQUAL_LOSS = 4.0  # held-out loss at which copies of networks are compared


def networks(settings: Any, key: PRNGKeyArray) -> Group:
    """Train one network for each noise of the data on points of two clusters, from equal weights with equal batches.

    The objective is `training.AmbientScoreMatching` with one copy of each point (the same unit noise for all members);
    noise 0 is plain score matching. Networks and training as in `studies.network_courses`. `learned_loss` is the plain
    loss on fresh points for every member, `learned_copied` the copies of the clean points. `settings` are those of the
    experiment; numbers ask for plain training as the first of several.
    """
    data_key, copy_key, held_key, start_key, fit_key, sample_key = jax.random.split(key, 6)
    law, steps = GaussianMixture.two_clusters(jnp.ones(settings.network_d)), settings.network_steps
    noises = list(settings.network_noises)
    points, held_out = law.draw(settings.network_n, key=data_key), law.draw(HELD_OUT, key=held_key)
    data_std = deviation(held_out)
    start = residual_networks([WIDTH], points.shape[1], data_std, keys=[jax.random.fold_in(start_key, 0)])
    run = training.fit_many(
        start * len(noises),
        [training.noisy_copies(points, noise, key=copy_key) for noise in noises],
        training.AmbientScoreMatching(training.LogUniform(*RATIOS), training.weights.EDM(data_std)),
        key=[fit_key] * len(noises),
        steps=steps,
        held_out=training.noisy_copies(held_out, 0.0, key=copy_key),
        snapshots=training.log_spaced(steps, 22, steps // 100),
    )
    found = training_course(run, [points] * len(noises), EDM(*RATIOS), key=sample_key, samples=500, steps=14)
    names = {"held_out_loss": "learned_loss", "copied": "learned_copied", "member": "learned_noise"}
    course = found[["held_out_loss", "copied"]].rename(names).assign_coords(learned_noise=noises)
    return ambient_against_plain(course) if len(noises) > 1 and noises[0] == 0 else {}, course


def ambient_against_plain(course: xr.Dataset) -> dict[str, Any]:
    """What ambient training changes, from the courses of networks of which the first is plain.

    Lowest held-out loss of plain over ambient training; copies where that loss is lowest; copies at the last step,
    ambient over plain; copies, the first ambient noise over plain, where the losses, past their minima, are equal.
    """
    losses, copied = course.learned_loss.values, course.learned_copied.values  # (noises, steps)
    least, last = losses.min(1), copied[:, -1]
    plain, ambient = (at_held_out_loss(course.isel(learned_noise=i)) for i in range(2))
    return {
        "learned_least": (least[0] / least[1:]).max(),
        "learned_least_copied": copied[np.arange(len(copied)), losses.argmin(1)].max(),
        "learned_equal_steps": farthest(last[1:] / last[0], 1),
        "learned_equal_loss": ambient / plain,
    }


def at_held_out_loss(one: xr.Dataset, loss: float = EQUAL_LOSS) -> float:
    """The share of copies of one network where its held-out loss, past the minimum, reaches `loss`; NaN where not."""
    first = min(one.learned_loss.values.argmin(), one.sizes["step"] - 2)  # leaves two nodes at least
    past = one.isel(step=slice(first, None))
    step = rise_time(past.step.values, past.learned_loss.values, loss)
    return float(np.interp(np.log(step), np.log(past.step.values), past.learned_copied.values))
