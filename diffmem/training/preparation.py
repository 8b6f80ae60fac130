"""The arguments of a training, checked and as arrays; for many scores with an axis of members."""

import functools
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from ..annotations import RandomKey
from ..checks import as_values, check_callable, check_count, check_finite, check_key, check_kind
from ..level import float_dtype, strong
from ..scores import AbstractScore, Empirical
from ..scores.gaussian.family import AbstractGaussianFamily
from .loop import Data, Plan

Keys = RandomKey | Sequence[RandomKey] | Key[Array, " members"]
"""One key for all members, or one for each."""


def planned(score, objective, optimiser, batch, noise_draws, ema) -> tuple[Plan, Any, Any]:
    """The plan of a training, the arrays that it changes and those that it leaves; raises ValueError."""
    import optax

    check_count("batch", batch)
    check_count("noise_draws", 1 if noise_draws is None else noise_draws)
    if ema is not None and not 0 <= ema < 1:
        raise ValueError(f"`ema` must lie in [0, 1), but is {ema}.")
    check_kind("score", score, AbstractScore, "a score, such as scores.Learned(network)")
    for part in jax.tree.leaves(score, is_leaf=_constrained):
        if _constrained(part):
            name = type(part).__name__
            raise ValueError(
                f"`score` must hold no {name}, whose parameters are constrained (weights add up to 1, covariances are "
                f"factored) and would not stay so: train a function that builds one, such as `FromFunction`."
            )
    words = "of (score, datum, label), such as training.ScoreMatching(levels)"
    check_callable("objective", objective, words, 3, keywords=("key",))
    optimiser = default_optimiser() if optimiser is None else optimiser
    check_kind("optimiser", optimiser, optax.GradientTransformation, "one of optax, such as optax.adam(1e-3)")
    weights, others = eqx.partition(score, eqx.is_inexact_array)
    if not jax.tree.leaves(weights):
        raise ValueError("`score` must hold floating arrays to train, but holds none.")
    fixed, rest = eqx.partition(others, eqx.is_array)
    return Plan(rest, objective, optimiser, batch, noise_draws, ema), weights, fixed


def _constrained(part) -> bool:
    """Whether steps in the arrays of a part of a score would leave the set of scores of its kind."""
    return isinstance(part, (Empirical, AbstractGaussianFamily))


@functools.cache
def default_optimiser():
    """Adam at 1e-3, one object for all trainings, since another one would compile again."""
    import optax

    return optax.adam(1e-3)


def as_data(points, labels) -> Data | None:
    """Points and labels as arrays of one length; raises ValueError for others."""
    if points is None:
        return None
    points = jax.tree.map(lambda part: strong(values := as_values("points", part), float_dtype(values)), points)
    for leaf in jax.tree.leaves(points):
        check_finite("points", leaf)
    leaves = jax.tree.leaves((points, labels))
    lengths = {leaf.shape[0] if leaf.ndim else 0 for leaf in leaves}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(
            f"`points` (and `labels`) must be arrays of one length of at least 1, but have lengths {sorted(lengths)}."
        )
    return Data(points, None if labels is None else jnp.asarray(labels), jnp.asarray(lengths.pop()))


def held_out_data(points, labels, data: Data) -> Data | None:
    """The held-out set; raises ValueError where its points are of another shape than those of the training set."""
    other = as_data(points, labels)
    shapes = [[leaf.shape[1:] for leaf in jax.tree.leaves(one.points)] for one in (data, other) if one is not None]
    if len(shapes) == 2 and shapes[0] != shapes[1]:
        raise ValueError(f"`held_out` must hold points of the shapes {shapes[0]} of `points`, but holds {shapes[1]}.")
    return other


def typed(key: Array) -> Key[Array, "*members"]:
    """The key in the form of `jax.random.key`, so that the axes of an array of keys are those of members."""
    if not isinstance(key, (jax.Array, np.ndarray)):
        check_key(key)
    return key if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else jax.random.wrap_key_data(key)


def keys_of(key: Keys, members: int) -> Key[Array, " members"]:
    """A key for each member; raises ValueError for another number of keys."""
    if isinstance(key, Sequence) or typed(key).ndim:
        each = [typed(one) for one in key]
    else:
        each = [jax.random.fold_in(typed(key), i) for i in range(members)]
    if len(each) != members:
        raise ValueError(f"`key` must be one, or one for each of {members} scores, but are {len(each)}.")
    return jnp.stack(each)


def padded(sets: list[Data]) -> Data:
    """Sets of different lengths as one array each, the ends filled with the last point, which is not drawn."""
    longest = max(int(one.count) for one in sets)
    fill = lambda leaf: jnp.concatenate([leaf, jnp.repeat(leaf[-1:], longest - len(leaf), axis=0)])  # noqa: E731
    return stacked([Data(jax.tree.map(fill, one.points), None, one.count) for one in sets])


def stacked(trees: Sequence[Any]) -> Any:
    """Trees of one structure as one, with an axis of members in front of every array."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def same_shapes(one: Any, other: Any) -> bool:
    """Whether the arrays of two trees have the same shapes in the same order."""
    return [leaf.shape for leaf in jax.tree.leaves(one)] == [leaf.shape for leaf in jax.tree.leaves(other)]
