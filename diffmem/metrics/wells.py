"""The wells of the energy along a closed curve, sorted by kind: memorized, spurious, or shallow."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from ..annotations import Points
from ..batches import in_pieces
from ..dataframe import rows_as_dataframe
from ..level import NoiseLevel
from ..representation import one_line
from ..scores import AbstractMixture
from .attractors import holds_most

BATCH = 256  # nodes at once
SHALLOW = 0.1  # nats: the density at the bottom of a well is 10 % above that at the pass


class Wells(NamedTuple):
    """The wells along a curve, in its order. Each is exactly one of memorized, spurious and shallow."""

    index: Int[np.ndarray, "k"]
    """The node of the curve at the bottom of the well."""
    log_prob: Float[np.ndarray, "k"]
    """Log-density there, in nats."""
    depth: Float[np.ndarray, "k"]
    """Log-density at the bottom less that at the easier of the two passes beside it, in nats."""
    leader_weight: Float[np.ndarray, "k"]
    """Posterior weight of the heaviest centre at the bottom."""
    memorized: Bool[np.ndarray, "k"]
    """One centre holds more than half of the posterior weight."""
    spurious: Bool[np.ndarray, "k"]
    """Deeper than `shallow`, with no centre above half of the weight: a blend of several training points."""
    shallow: Bool[np.ndarray, "k"]
    """No deeper than `shallow`, with no centre above half of the weight: nearly the population."""

    to_dataframe = rows_as_dataframe
    __repr__ = one_line


def wells(score: AbstractMixture, curve: Points, level: NoiseLevel, *, shallow: float = SHALLOW) -> Wells:
    """The minima of the energy `-log p(x)` along a closed curve, with their depth and kind.

    This is for data on a curve, away from which the energy rises: the wells are then the attractors of the score in the
    whole space (`attractors` finds these wherever they are, but not their depths). `curve` are nodes in order, the last
    next to the first, so close that no well falls between two of them: a few for each sigma. Neighbouring nodes of
    equal density count as one. A pass is a minimum of the density between two wells; the depth of a well is measured
    from the easier of its two passes. With a single well both passes are the one minimum of the density.

    Cost: one posterior pass for each node. Accuracy: depths to the curvature between nodes, h^2/8 times the second
    derivative; wells shallower than the rounding of log p are noise, so in single precision take no more nodes than
    needed.

    Raises ValueError for fewer than 3 nodes, and unless sigma > 0 and `shallow` >= 0.
    Source: the three kinds: Pham et al., arXiv:2505.21777; their definition by weight and depth: derived.
    """
    curve = jnp.asarray(curve)
    if curve.ndim == 0 or len(curve) < 3:
        raise ValueError(f"`curve` must hold at least 3 nodes, but has shape {curve.shape}.")
    if not float(level.sigma) > 0:
        raise ValueError(f"`sigma` must be positive, but is {level.sigma}.")
    if not shallow >= 0:
        raise ValueError(f"`shallow` must be at least 0, but is {shallow}.")
    log_prob, weight = (np.asarray(part, np.float64) for part in _along(score, curve, level))
    index, depth = _peaks(log_prob)
    memorized = holds_most(weight[index])
    deep = depth > shallow
    return Wells(index, log_prob[index], depth, weight[index], memorized, ~memorized & deep, ~memorized & ~deep)


@eqx.filter_jit
def _along(score, curve, level):
    def at(score, x):
        posterior = score.posterior(x, level)
        return posterior.log_prob, posterior.leader_weight

    return in_pieces(jax.vmap(at, (None, 0)), BATCH, score, curve)


def _peaks(values: Float[np.ndarray, "nodes"]) -> tuple[Int[np.ndarray, "k"], Float[np.ndarray, "k"]]:
    """Nodes of the local maxima of cyclic values, and their height above the higher of the minima beside them."""
    nodes = np.flatnonzero(values != np.roll(values, 1))
    heights = values[nodes]
    peak = (heights > np.roll(heights, 1)) & (heights > np.roll(heights, -1))
    index, at = nodes[peak], np.flatnonzero(peak)
    if len(at) == 0:
        return index, np.zeros(0)
    # the lowest value between each peak and the next one, around the end
    turned = np.roll(heights, -at[0])
    after = np.minimum.reduceat(turned, at - at[0])
    return index, heights[at] - np.maximum(after, np.roll(after, 1))
