"""Models compared from the same noise: networks trained side by side, and the samples of each from common starts."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .. import networks, scores, training
from ..integrators import grids
from ..processes import EDM
from ..scores import AbstractScore
from .flows import flow_from
from .optimisers import cosine_adam

LOW, HIGH = 0.05, 8.0  # sigma at the ends of the flow, in standard deviations of the data
THRESHOLD = 0.95  # of the cosine of two samples that count as one


@dataclass(frozen=True)
class SameNoise:
    """The deterministic sampler that every model of a comparison shares: `flow(score)` carries the same starts.

    The probability flow of `EDM` from sigma = `high` to `low` by Heun's method on a Karras grid of `steps`, from
    `high` times standard normal starts (count, *shape). For data of standard deviation s a coordinate, `high` = 8 s
    leaves the starts .8 % too narrow.
    Raises ValueError as `EDM`, `grids.karras` and `sample` do.
    """

    low: float
    high: float
    start: Float[Array, "count *shape"]
    steps: int = 40

    @classmethod
    def draw(
        cls, low: float, high: float, shape: tuple[int, ...], count: int, *, key: PRNGKeyArray, steps: int = 40
    ) -> "SameNoise":
        """A sampler whose starts are drawn from `key`."""
        return cls(low, high, high * jax.random.normal(key, (count, *shape)), steps)

    def __call__(self, score: AbstractScore) -> Float[np.ndarray, "count *shape"]:
        """Where the flow of a score ends, D at sigma = `low`, for each start. Cost: 2 x steps evaluations a start."""
        process = EDM(self.low, self.high)
        times = grids.karras(process, steps=self.steps)
        return np.asarray(flow_from(self.start, score, process, times, finish="denoise").points)


def networks_side_by_side(
    sets: Sequence[Float[np.ndarray, "..."]],
    std: float,
    low: float,
    high: float,
    *,
    key: PRNGKeyArray,
    steps: int,
    width: int = 128,
    rate: float = 3e-3,
    batch: int = 128,
) -> list[scores.Learned]:
    """A `networks.ResidualMLP` of two hidden layers trained on each set, all at once (`training.fit_many`).

    Each has weights and batches of its own, also where sets are equal. EDM preconditioning and weight for data of
    standard deviation `std` a coordinate, sigma log-uniform in [low, high], Adam whose `rate` falls to 1 % along a
    cosine, `batch` points a step. Sets may differ in length; all points have one shape.
    Raises ValueError as `training.fit_many` does.
    """
    weights, fit = jax.random.split(key)
    prediction, size = scores.predictions.Preconditioned(std), int(np.prod(np.shape(sets[0])[1:]))
    each = [networks.ResidualMLP(size, width, key=jax.random.fold_in(weights, i)) for i in range(len(sets))]
    fresh = [scores.Learned(network, prediction, ratios=(low, high)) for network in each]
    own = [np.asarray(points, jnp.zeros(()).dtype) for points in sets]  # the precision of the weights
    objective = training.ScoreMatching(training.LogUniform(low, high), training.weights.EDM(std))
    adam = cosine_adam(rate, steps, last=0.01)
    run = training.fit_many(fresh, own, objective, key=fit, steps=steps, batch=batch, optimiser=adam, snapshots=1)
    return [run.member(i).score for i in range(len(sets))]
