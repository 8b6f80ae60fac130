"""The entropy of the attention that a conditional score pays to its training records."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ...annotations import Numbers, RandomKey
from ...integrators import AbstractIntegrator
from ...level import NoiseLevel
from ...processes import AbstractProcess
from ...reductions import Posterior
from ...scores import AbstractScore, Branches
from .paths import measured_along


def record_entropy(x: Float[Array, "*shape"], level: NoiseLevel, branches: Branches) -> Float[Array, ""]:
    """`-sum_i w_i log w_i` of one state, in nats, with the conditional posterior weights w_i of the records."""
    found = branches.conditional.info
    if not isinstance(found, Posterior):
        raise ValueError("`score` must have a conditional branch with posterior weights, a mixture, but has none.")
    return found.entropy


def attention_entropy(
    score: AbstractScore,
    starts: Numbers,
    process: AbstractProcess,
    times: Numbers,
    key: RandomKey,
    *,
    steps: slice = slice(0, 10),
    integrator: AbstractIntegrator | None = None,
) -> Float[Array, "count"]:
    """Minus the mean entropy of the posterior weights over records, over the chosen steps of the path of each start.

    In an exact score the weights `w_i` of the records take the place of cross-attention; where a prompt describes one
    record their entropy is 0 at every step, and so larger values of the statistic mean memorized. Ren et al. average
    the entropy of attention over the *words* of a prompt, which is larger for memorized prompts: the sign is opposite.
    At the end of a path every exact score attends to one record, so that late steps tell nothing. A repeated record
    adds the logarithm of its number: merge duplicates first (`Empirical.merged`).

    `steps` are those of the grid, the state at the last time included. The conditional branch must be a mixture; the
    score needs no derivative. Cost: one path. Source: analogue of Ren et al., arXiv:2403.11052.
    """
    found = measured_along(record_entropy, score, starts, process, times, key, integrator)[steps]
    if not len(found):
        raise ValueError(f"`steps` must choose at least one of the times, but is {steps}.")
    return -jnp.mean(found, axis=0)
