"""A teacher's flow distilled into a one-step map, and a control that is trained without consistency."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ... import scores, training
from ...processes import EDM
from ...scores import AbstractScore
from ...scores.learned import Network
from ...training import Training
from ..flows import flow_from
from ..optimisers import cosine_adam


def distilled(
    teacher: AbstractScore,
    network: Network,
    points: Float[Array, "n d"],
    flow: tuple[float, float, int],
    data_std: float,
    *,
    steps: int,
    pairs: int,
    snapshots: Sequence[int],
    key: PRNGKeyArray,
) -> dict[str, Training]:
    """Train one `training.ConsistencyFunction` of `network` in two ways: "consistency" and "control".

    `flow` is (lowest, highest sigma, number of nodes, equally spaced in the logarithm). "consistency":
    `training.ConsistencyDistillation` on `points` along those nodes. "control": `training.EndPointRegression` on
    `pairs` of starts N(0, (highest^2 + data_std^2) I) and ends of the teacher's flow by Heun's method on the same
    nodes. Both with Adam from 1e-3 to 0 along a cosine, 128 points a step, from the same weights.

    Source: our reading of Jiang and Zou, arXiv:2604.23552.
    """
    low, high, nodes = flow
    start_key, first, second = jax.random.split(key, 3)
    untrained = scores.FromFunction(training.ConsistencyFunction(network, data_std, low))
    ratio = (low / high) ** (1 / (nodes - 1))
    sigmas = low / ratio ** jnp.arange(1, nodes, dtype=points.dtype)
    distil = training.ConsistencyDistillation(teacher, training.Fixed(1.0, sigmas), ratio, low)
    starts = math.hypot(high, data_std) * jax.random.normal(start_key, (pairs, points.shape[1]), points.dtype)
    regress = training.EndPointRegression(training.Fixed(1.0, high))
    options = {"steps": steps, "optimiser": cosine_adam(1e-3, steps), "snapshots": snapshots}
    return {
        "consistency": training.fit(untrained, points, distil, key=first, **options),
        "control": training.fit(untrained, (starts, flow_ends(teacher, starts, flow)), regress, key=second, **options),
    }


def flow_ends(
    teacher: AbstractScore, start: Float[Array, "count d"], flow: tuple[float, float, int]
) -> Float[Array, "count d"]:
    """States at the lowest sigma of a teacher's flow, by Heun's method on the nodes of `flow`, from states at the
    highest."""
    low, high, nodes = flow
    process = EDM(sigma_min=low, sigma_max=high)
    times = jnp.asarray([high * (low / high) ** (k / (nodes - 1)) for k in range(nodes - 1)] + [low], start.dtype)
    return flow_from(start, teacher, process, times).points
