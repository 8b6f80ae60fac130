"""A rule of training: records whose two branches are far apart at pure noise are left out of the step."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..annotations import Point, RandomKey, Scalar
from ..level import NoiseLevel, strong
from ..scores import AbstractScore
from .levels import AbstractLevels
from .objective import AbstractObjective, Label


def noise_gap(score: AbstractScore, label: Label, x: Point, level: NoiseLevel) -> Float[Array, ""]:
    """`|eps_c - eps_u|` of a score with `conditioned`, given the label and given None."""
    given, free = (score.conditioned(one).noise(x, level) for one in (label, None))  # pyright: ignore
    return jnp.linalg.norm((given - free).ravel())


class GapDropping(AbstractObjective):
    """An objective that leaves out every item of a batch whose `noise_gap` exceeds `threshold`, anew at each step.

    The gap is that of the item's label at fresh noise of the level `noisiest`, next to pure noise, of the network in
    training; an item left out counts as loss 0. Use it as the objective of `training.fit` after some steps with
    `objective` alone: at first no network has a gap. A threshold is a quantile of the gaps of ordinary records.

    Ordinary records above the threshold are not learned either; at a threshold that few of them exceed memorization
    stays, since a record is left out only once it shows, and comes back when its gap falls. Cost: two more evaluations
    for each item, without gradient.
    Source: Wen et al., arXiv:2407.21720.
    """

    objective: AbstractObjective
    threshold: Scalar
    noisiest: NoiseLevel
    levels: AbstractLevels
    draws: int
    antithetic: bool

    def __init__(self, objective: AbstractObjective, threshold: Scalar, noisiest: NoiseLevel):
        self.objective, self.threshold, self.noisiest = objective, threshold, noisiest
        self.levels, self.draws, self.antithetic = objective.levels, objective.draws, objective.antithetic

    def __call__(
        self, score: AbstractScore, datum: Any, label: Label = None, *, key: RandomKey, fresh: RandomKey | None = None
    ) -> Float[Array, ""]:
        """The loss of one item, 0 where its gap, at noise from the key `fresh`, is too large."""
        first, anew = jax.random.split(key if fresh is None else fresh)
        x = strong(self.noisiest.sigma, datum.dtype) * jax.random.normal(first, datum.shape, datum.dtype)
        found = jax.lax.stop_gradient(noise_gap(score, label, x, self.noisiest))
        loss = self.objective(score, datum, label, key=jax.random.split(key)[1], fresh=anew)
        return jnp.where(found <= strong(self.threshold, found.dtype), loss, 0)

    def at(self, score: AbstractScore, datum: Any, level: NoiseLevel, z: Float[Array, "*shape"]) -> Float[Array, ""]:
        """The loss at one level of any item, dropped or not, which is what snapshots report."""
        return self.objective.at(score, datum, level, z)
