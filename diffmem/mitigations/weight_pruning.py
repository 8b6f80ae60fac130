"""Pruning of the weights of one layer through which memorized prompts act (Wanda scores)."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, PyTree

from ..annotations import RandomKey
from ..level import float_dtype, strong
from ..networks.hidden_units import Layer


def wanda(
    weight: Float[ArrayLike, "outputs units"], inputs: Float[ArrayLike, "count units"]
) -> Float[Array, "outputs units"]:
    """`S_rj = |W_rj| |a_j|`, a_j the activations of unit j in `count` inputs, each input divided by its norm.

    `|a_j|` is the root mean square over the inputs, so that sets of different size can be compared.

    Source: Sun et al., arXiv:2306.11695; normalised as in Chavhan et al., arXiv:2406.18566.
    """
    dtype = float_dtype(weight, inputs)
    weight, inputs = strong(weight, dtype), strong(inputs, dtype)
    size = jnp.linalg.norm(inputs, axis=1, keepdims=True)
    activity = jnp.sqrt(jnp.mean((inputs / jnp.where(size > 0, size, 1)) ** 2, axis=0))
    return jnp.abs(weight) * activity[None]


def weights_to_prune(
    weight: Float[ArrayLike, "outputs units"],
    inputs: Float[ArrayLike, "steps count units"],
    base: Float[ArrayLike, "steps others units"],
    share: float,
) -> Bool[Array, "outputs units"]:
    """The weights with a top `share` of the scores of their row, where the score also exceeds that of `base`.

    `inputs` are what the layer receives (`networks.layer_input`) for the prompts to be forgotten, at each of the first
    steps of their paths, and `base` what it receives for others; the weights found at any step are united. `share` of
    the units of a row is rounded up. Raises ValueError unless 0 < share <= 1.
    Source: Chavhan et al., arXiv:2406.18566.
    """
    if not 0 < share <= 1:
        raise ValueError(f"`share` must be above 0 and at most 1, but is {share}.")
    weight = jnp.asarray(weight)
    # the product of a share that should give a whole number may lie above it by rounding
    kept = max(1, int(np.ceil(share * weight.shape[1] - 1e-9)))

    def at_one_step(own, other):
        scores, others = wanda(weight, own), wanda(weight, other)
        lowest = jax.lax.top_k(scores, kept)[0][:, -1:]
        return (scores >= lowest) & (scores > others)

    return jax.vmap(at_one_step)(jnp.asarray(inputs), jnp.asarray(base)).any(axis=0)


def random_weights(like: Bool[ArrayLike, "outputs units"], *, key: RandomKey) -> Bool[Array, "outputs units"]:
    """As many weights as in `like`, anywhere in the layer: the control that shows whether the choice matters."""
    like = jnp.asarray(like)
    return jax.random.permutation(key, like.ravel()).reshape(like.shape)


def pruned(score: PyTree, where: Layer, weights: Bool[ArrayLike, "..."]) -> Any:
    """The score (or network) in which the given weights of the layer `where(score)` are 0.

    In quality it costs what these weights did for other prompts: in a network of 256 units with 40 labels
    (`papers.chavhan2024`), the 3 % that stop one copy leave nine in ten of the other copies, and the 3 to 10 % that
    stop six move the samples of ordinary labels by .5 to .8 of their norm, as random weights do. As a control, prune as
    many weights chosen for ordinary prompts and `random_weights`. Raises ValueError where `weights` has another shape
    than the layer's `weight`.
    Source: Chavhan et al., arXiv:2406.18566.
    """
    weight, weights = where(score).weight, jnp.asarray(weights)
    if weights.shape != weight.shape:
        raise ValueError(f"`weights` must have shape {weight.shape}, but has shape {weights.shape}.")
    return eqx.tree_at(lambda s: where(s).weight, score, jnp.where(weights, 0, weight))
