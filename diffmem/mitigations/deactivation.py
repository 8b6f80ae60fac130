"""Deactivation: hidden units of a network, or records of an exact score, that no longer contribute to the answer."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, PyTree

from ..annotations import Point
from ..level import NoiseLevel
from ..networks.hidden_units import Layer
from ..scores import AbstractDenoiser, Empirical


def deactivated(score: PyTree, where: Layer, blocked: Bool[ArrayLike, "units"]) -> Any:
    """The score or network with some hidden units set to 0: those `blocked` of the inputs of the layer `where(score)`.

    The layer has a `weight` (outputs, units, ...), whose columns of blocked units become 0. Nothing makes up for the
    missing units. In quality it costs what they did for other prompts: in a network of 256 units with 40 labels
    (`papers.hintersdorf2024`), blocking the 2 to 4 that move the samples of one label away from its record moves those
    of ordinary labels by .1 to .2 of their norm. An attack on the prompt embedding can bring the record back.

    Raises ValueError where `blocked` has another length than the layer has inputs.
    Source: Hintersdorf et al., arXiv:2406.02366.
    """
    weight = where(score).weight
    blocked = jnp.asarray(blocked)
    if blocked.shape != weight.shape[1:2]:
        raise ValueError(f"`blocked` must have shape {weight.shape[1:2]}, but has shape {blocked.shape}.")
    columns = jnp.expand_dims(blocked, (0, *range(2, weight.ndim)))
    return eqx.tree_at(lambda s: where(s).weight, score, jnp.where(columns, 0, weight))


class BlockedRecords(AbstractDenoiser):
    """An exact score in which some records no longer contribute: `D = sum_{i not blocked} p_i y_i`.

    A record is a unit with the activation p_i, its posterior weight, and the value y_i. The weights that remain are not
    renormalised, as for units of a network: D is the mean over the other records times their posterior share, and so 0
    where all the weight is blocked. For a training set without the records, use `empirical.reweighted` instead.

    `empirical` is an `Empirical` score, or `prompted.conditional` of a conditional one. What it costs: D shrinks
    wherever blocked records have weight, and a label whose record is blocked in part comes out as a smaller copy, which
    the cosine still recognises. At sigma = 0 the weights are those of the nearest records. Cost: two evaluations.

    Example: for the points -1 and 1 with weights 1/4 and 3/4, what is left without the point 1 is -1/4.
        >>> import numpy as np
        >>> from diffmem import NoiseLevel, mitigations, scores
        >>> whole = scores.Empirical(np.array([[-1.0], [1.0]]))
        >>> blocked = mitigations.BlockedRecords(whole, np.array([False, True]))
        >>> x, level = np.log([3.0]) / 2, NoiseLevel(alpha=1.0, sigma=1.0)
        >>> print(f"D = {whole.denoise(x, level)[0]:.3f}, blocked {blocked.denoise(x, level)[0]:.3f}")
        D = 0.500, blocked -0.250

    Raises ValueError where `blocked` has another length than the records.
    Source: Hintersdorf et al., arXiv:2406.02366, for an exact score (derived).
    """

    empirical: Empirical
    blocked: Bool[Array, "n"]

    def __init__(self, empirical: Empirical, blocked: Bool[ArrayLike, "n"]):
        self.empirical, self.blocked = empirical, jnp.asarray(blocked)
        if self.blocked.shape != (empirical.n,):
            raise ValueError(f"`blocked` must have shape ({empirical.n},), but has shape {self.blocked.shape}.")

    def denoise(self, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
        """The mean over the records that are not blocked, times their posterior share."""
        whole = self.empirical
        prior = jnp.sum(jnp.where(self.blocked, 0, whole.prior()))
        # where all are blocked, any finite weights do: their share is 0
        rest = whole.reweighted(jnp.where(self.blocked & (prior > 0), -jnp.inf, jnp.zeros_like(whole.prior())))
        found = rest.posterior(x, level)
        # any record that is left has this share of the weight that it has among the rest, at sigma = 0 too
        share = whole.weight(x, level, found.leader) / found.leader_weight
        return jnp.where(prior > 0, share, 0) * found.mean
