"""Networks trained on one noisy copy of each point, beside one that sees the points: losses and copies."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ... import training
from ...level import NoiseLevel
from ...processes import EDM
from ...scores import AbstractDensity, AbstractScore
from ...studies.network_courses import HELD_OUT, RATIOS, deviation, residual_networks
from ...studies.training_course import training_course
from ...training.objective import ambient_error
from ...training.weights import Weight
from ..measurements import farthest


class AmbientEach(training.AbstractObjective):
    """`training.AmbientScoreMatching` with a noise that comes with the datum: networks trained at once differ in it."""

    levels: training.AbstractLevels
    weight: Weight
    draws: int = 1
    antithetic: bool = False

    def at(
        self,
        score: AbstractScore,
        datum: tuple[Float[Array, "*shape"], Float[Array, "*shape"], Float[Array, ""]],
        level: NoiseLevel,
        z: Float[Array, "*shape"],
    ) -> Float[Array, ""]:
        """The weighted error of one datum (clean point, noisy copy, noise of the copy) at one level."""
        clean, copy, noise = datum
        return self.weight(level) * ambient_error(score, clean, copy, noise, level, z)


def ambient_courses(
    law: AbstractDensity,
    n: int,
    noises: Sequence[float],
    *,
    key: PRNGKeyArray,
    steps: int,
    snapshots: Sequence[int] | Int[np.ndarray, " k"],
    width: int = 128,
    samples: int = 500,
    flow_steps: int = 14,
) -> xr.Dataset:
    """Train one network for each noise of `noises` on n points of `law`, all at once, from the same weights with the
    same batches and noise levels.

    The objective is `training.AmbientScoreMatching` with one copy of each point (the same unit noise for all members);
    noise 0 is plain score matching. Networks and training as in `studies.network_courses`. Over `noise` and `step`:
    `held_out_loss`, the plain one on 1,024 fresh points for every member, and `copied`, of the clean points.
    """
    data_key, copy_key, held_key, start_key, fit_key, sample_key = jax.random.split(key, 6)
    points, held_out = law.draw(n, key=data_key), law.draw(HELD_OUT, key=held_key)
    data_std = deviation(held_out)
    start = residual_networks([width], points.shape[1], data_std, keys=[jax.random.fold_in(start_key, 0)])
    objective = AmbientEach(training.LogUniform(*RATIOS), training.weights.EDM(data_std))
    sets = [(*training.noisy_copies(points, noise, key=copy_key), jnp.full(n, noise, points.dtype)) for noise in noises]
    run = training.fit_many(
        start * len(noises),
        sets,
        objective,
        key=[fit_key] * len(noises),
        steps=steps,
        held_out=(held_out, held_out, jnp.zeros(HELD_OUT, points.dtype)),
        snapshots=snapshots,
    )
    process = EDM(sigma_min=RATIOS[0], sigma_max=RATIOS[1])
    found = training_course(run, [points] * len(noises), process, key=sample_key, samples=samples, steps=flow_steps)
    return found.swap_dims(member="noise").assign_coords(noise=list(noises))[["held_out_loss", "copied"]]


def ambient_against_plain(course: xr.Dataset, loss: float) -> dict[str, Any]:
    """What ambient training changes, from `ambient_courses` whose first noise is 0, the plain one.

    `least`: lowest held-out loss of plain over ambient training, the largest ratio over noises; `least_copied`: share
    of copies at the lowest held-out loss, the largest of all members; `equal_steps`: copies at the last step, ambient
    over plain, the ratio farthest from 1; `equal_loss`: copies, ambient training with the first noise over plain, where
    the held-out losses, past their minima, reach `loss`, NaN where one does not.
    """
    losses, copied = course.held_out_loss.values, course.copied.values  # (noises, steps)
    least, last = losses.min(1), copied[:, -1]
    plain, ambient = (at_held_out_loss(course.isel(noise=i), loss) for i in range(2))
    return {
        "least": (least[0] / least[1:]).max(),
        "least_copied": copied[np.arange(len(copied)), losses.argmin(1)].max(),
        "equal_steps": farthest(last[1:] / last[0], 1),
        "equal_loss": ambient / plain,
    }


def at_held_out_loss(course: xr.Dataset, loss: float) -> float:
    """The share of copies of one member where its held-out loss, past the minimum, first reaches `loss`.

    Linear in the loss between snapshots; NaN where it does not get there.
    """
    losses, copied = course.held_out_loss.values, course.copied.values
    after = int(np.argmin(losses))
    reached = np.flatnonzero(losses[after:] >= loss)
    if not len(reached) or reached[0] == 0:
        return np.nan
    i = after + reached[0]
    return float(np.interp(loss, losses[i - 1 : i + 1], copied[i - 1 : i + 1]))
