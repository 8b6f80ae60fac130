"""The two times of training a network: when it memorizes, and when it generalizes on a law where that takes time."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import PRNGKeyArray

from ...data import spheres
from ...scores import GaussianMixture
from ...studies.network_courses import RATIOS, network_courses
from ...studies.training_course import rise_time, slope
from ...training import log_spaced
from ..measurements import Group

D, CLUSTERS, SPREAD = 8, 6, 0.3  # of the data; the narrow clusters are the law on which generalizing takes time
GAP = 0.3  # of held-out and training loss, when a network is said to memorize
SHARE = 0.6  # of the score error of the untrained network, when a network is said to generalize
LOW = 0.05  # least sigma in the training of the latter: below the width of the clusters
FEW = 64  # points up to which networks copy most of their samples


def networks(
    memorizing: tuple[Sequence[int], int], generalizing: tuple[Sequence[int], int], key: PRNGKeyArray
) -> Group:
    """The step at which networks memorize and the one at which they generalize, against the number of points.

    `memorizing` and `generalizing` are (numbers of points, steps) of two `network_courses`. A network memorizes where
    held-out loss less training loss is `GAP`; its points are of two unit Gaussians. It generalizes where its score
    error is `SHARE` of the error of the untrained network, which takes a law that EDM's preconditioning does not
    already solve: clusters narrower than the noise levels, trained from sigma = `LOW`.
    """
    mean_key, training_key = jax.random.split(key)
    late_key, early_key = jax.random.split(training_key)
    pair = GaussianMixture.two_clusters(jnp.ones(D))
    n, steps = memorizing
    snapshots = log_spaced(steps, 20, max(1, steps // 400))
    late = network_courses(pair, n, key=late_key, steps=steps, snapshots=snapshots, counted=range(len(snapshots)))

    means = spheres(CLUSTERS, D, radius=D**0.5, key=mean_key).points
    narrow = GaussianMixture(np.ones(CLUSTERS), means, np.full(CLUSTERS, SPREAD**2))
    n, steps = generalizing
    snapshots, ratios = np.array([0, *log_spaced(steps, 32, min(4, steps))]), (LOW, RATIOS[1])
    early = network_courses(narrow, n, key=early_key, steps=steps, snapshots=snapshots, ratios=ratios, samples=10)
    errors = (early.score_error / early.score_error.isel(step=0)).isel(step=slice(1, None))

    kept = ["gap", "copied", "held_out_loss", "score_error"]
    found = late.swap_dims(member="n")[kept].drop_vars("width")
    found = found.rename({name: f"network_{name}" for name in (*kept, "n", "step")})
    found = found.assign_coords(early_n=list(n), early_step=errors.step.values).assign(
        network_time=("network_n", rise_time(late.step.values, late.gap.values, GAP)),
        early_error=(("early_n", "early_step"), errors.values),
        early_time=("early_n", rise_time(errors.step.values, -errors.values, -SHARE)),
    )
    return network_summary(found), found


def network_summary(found: xr.Dataset) -> dict[str, Any]:
    """Exponents in n of the times, the copies where the held-out loss is least and at the end, and the final error.

    Each for the worst n; the copies at the end are those of networks of at most `FEW` points.
    """
    n, time, early = found.network_n.values, found.network_time.values, found.early_n.values
    best = found.network_held_out_loss.values.argmin(1)
    copied, error = found.network_copied.values, found.network_score_error.values
    values = {
        "network_least_copied": copied[np.arange(len(n)), best].max(),
        "network_error": (error[:, -1] / error.min(1)).min(),
    }
    if (n <= FEW).any():
        values["network_last_copied"] = copied[n <= FEW, -1].min()
    if len(n) > 1:
        values |= {"network_slope": slope(n, time), "network_rise": (time[1:] / time[:-1]).min()}
    if len(early) > 1:
        values["network_level_slope"] = slope(early, found.early_time.values)
    return values
