"""Observers: functions that return an `observe(x, level, found)` for `sample(..., observe=...)`.

Without a `score` they report on the posterior of the score that is sampled, which each step has computed anyway; with a
`score`, on the posterior of that score at the states of the path, and `found` may be left out. An observer is a pytree
that holds its score: training points reach compiled code as arguments, so that two observers whose scores have one
shape share one compilation.
"""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int

from ..reductions import Posterior
from ..representation import one_line
from ..scores import AbstractMixture, Empirical


class Concentration(NamedTuple):
    """How far the posterior weights w_i of the training points have condensed, at one point and level."""

    entropy: Float[Array, ""]
    """-sum w log w, in nats: from log n (all equal) to 0 (one point)."""
    participation: Float[Array, ""]
    """1 / sum w^2, the effective number of training points: from n to 1."""
    leader: Int[Array, ""]
    """Index of the heaviest training point."""
    leader_weight: Float[Array, ""]
    """Its weight: from 1/n to 1."""

    __repr__ = one_line


def concentration(score: AbstractMixture | None = None) -> eqx.Partial:
    """Observer of entropy, participation, leader and its weight together."""
    return eqx.Partial(_concentration, score)


def entropy(score: AbstractMixture | None = None) -> eqx.Partial:
    """Observer of the entropy of the posterior weights, `-sum w log w` in nats."""
    return eqx.Partial(_field, score, "entropy")


def participation(score: AbstractMixture | None = None) -> eqx.Partial:
    """Observer of the effective number of centres, `1 / sum w^2`."""
    return eqx.Partial(_field, score, "participation")


def leader(score: AbstractMixture | None = None) -> eqx.Partial:
    """Observer of the index of the heaviest centre."""
    return eqx.Partial(_field, score, "leader")


def leader_weight(score: AbstractMixture | None = None) -> eqx.Partial:
    """Observer of the weight of the heaviest centre."""
    return eqx.Partial(_field, score, "leader_weight")


def own_weight(score: Empirical, index: Int[ArrayLike, ""]) -> eqx.Partial:
    """Observer of the posterior weight of one training point, `w_index`.

    Its mean over noisy copies of training point i is the probability that a draw from the posterior is point i again.
    It falls from 1 to 1/n as t grows, and crosses 1/2 at the collapse time.
    """
    return eqx.Partial(_weight, score, jnp.asarray(index))


def _posterior(score, x, level, found) -> Posterior:
    if score is not None:
        return score.posterior(x, level)
    if found is None or not isinstance(found.info, Posterior):
        raise ValueError("`score` must be given to an observer of weights where the sampled score is not a mixture.")
    return found.info


def _concentration(score, x, level, found=None):
    posterior = _posterior(score, x, level, found)
    return Concentration(posterior.entropy, posterior.participation, posterior.leader, posterior.leader_weight)


def _field(score, name, x, level, found=None):
    return getattr(_posterior(score, x, level, found), name)


def _weight(score, index, x, level, found=None):
    return score.weight(x, level, index)
