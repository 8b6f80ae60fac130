"""Fine-tuning of some parameters only."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float, Int, PyTree

from ..annotations import Point
from ..level import NoiseLevel
from ..scores import AbstractScore, Evaluation

Part = Callable[[Any], Any]
"""`part(score)` picks an array or a whole layer, as for `equinox.tree_at`."""


def only(score: PyTree, *parts: Part) -> PyTree:
    """Which floating arrays to train: True in the given parts of `score`, False in all others, an array for each.

    `only(score, lambda s: s.network.hidden[0].bias, lambda s: s.network.last)` picks one bias and one layer. Raises as
    `equinox.tree_at` for a part that does not exist.
    """
    chosen = jax.tree.map(lambda leaf: jnp.asarray(False), eqx.filter(score, eqx.is_inexact_array))
    for part in parts:
        every = lambda tree: jax.tree.map(jnp.ones_like, tree)  # noqa: E731
        chosen = eqx.tree_at(part, chosen, replace_fn=every)
    return chosen


def parameter_share(score: PyTree, trained: PyTree) -> float:
    """The share of the numbers of `score` that lie in the arrays to train."""
    sizes = np.array([leaf.size for leaf in jax.tree.leaves(eqx.filter(score, eqx.is_inexact_array))])
    flags = np.array([bool(flag) for flag in jax.tree.leaves(trained)])
    return float(sizes[flags].sum() / sizes.sum())


class PartlyTrained(AbstractScore):
    """A score whose training changes only some of its arrays: no gradient reaches the others.

    `trained` is what `only` gives: a scalar boolean for each floating array of `score`. `training.fit(PartlyTrained(s,
    only(s, part)), ...)` fine-tunes a part, with an optimiser that leaves an array alone whose gradient is always 0
    (Adam does, weight decay does not); the result is `.inner` of the trained score. The flags are arrays, so that
    `training.fit_many` tries many subsets at once.

    What it costs: the fewer parameters, the less of the new data is learned, copies and what is worth learning alike.
    Cost of training: that of all arrays.
    Source: Dutt et al., arXiv:2405.19458, who search for the subset.
    """

    inner: AbstractScore
    trained: PyTree

    @property
    def held(self) -> AbstractScore:
        """The score, with no gradient to the arrays that are not trained."""
        weights, rest = eqx.partition(self.inner, eqx.is_inexact_array)
        chosen = jax.tree.map(lambda w, yes: jnp.where(yes, w, jax.lax.stop_gradient(w)), weights, self.trained)
        return eqx.combine(chosen, rest)

    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """The evaluation of the score itself."""
        return self.held.evaluate(x, level)

    def conditioned(self, label: Int[ArrayLike, ""] | Float[ArrayLike, "..."] | None) -> AbstractScore:
        """The score, with no gradient to the arrays that are not trained, given another label."""
        return self.held.conditioned(label)  # pyright: ignore[reportAttributeAccessIssue]
