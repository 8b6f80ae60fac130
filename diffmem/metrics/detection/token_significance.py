"""Which words of a prompt make it memorized: gradients and ablations of each slot of a prompt of words."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float

from ...annotations import Numbers, RandomKey
from ...integrators import AbstractIntegrator
from ...processes import AbstractProcess
from ...scores import Guided, TokenPrompted
from ...scores.combined import branches_of
from ...tensors import read_tensor
from .paths import check_steps, measured_along


def token_significance(
    score: Guided,
    starts: Numbers,
    process: AbstractProcess,
    times: Numbers,
    key: RandomKey,
    *,
    steps: int = 1,
    integrator: AbstractIntegrator | None = None,
) -> Float[Array, "count slots"]:
    """`|d gap / d scales_l|` for each slot l of a prompt of words, the mean over the first `steps` steps of each path.

    `score` is guided with a `TokenPrompted` conditional score, the gap is `|eps_c - eps_u|` and `scales` are the
    factors of the slots. Larger for a word that moves the conditional prediction. Arguments as in `measured_along`.

    Cost: a path with one reverse derivative of both branches at each step. Raises ValueError for `steps` that are not
    between 1 and the steps of `times`. Source: Wen et al., arXiv:2407.21720, with
    the derivative by a slot's factor in place of the norm of that by its embedding.
    """
    check_steps(steps, times)
    measure = eqx.Partial(_slopes, score)
    found = measured_along(measure, score, starts, process, jnp.asarray(times)[: steps + 1], key, integrator)
    return jnp.abs(found[:steps]).mean(axis=0)


@eqx.filter_jit
def token_ablation(
    score: Guided,
    starts: Numbers,
    process: AbstractProcess,
    times: Numbers,
    key: RandomKey | None = None,
) -> Float[Array, "count slots"]:
    """By how much the gap `|eps_c - eps_u|` at times[0] falls when a slot's word is replaced by one that nobody has.

    Arguments as in `token_significance`; nothing is drawn from `key`. Cost: one evaluation of both branches for the
    prompt and one for each slot.
    """
    level = process.level(jnp.asarray(times)[0])
    found = jax.vmap(lambda x: _fall(lambda scales: _gap(scales, score, x, level), _prompted(score).scales))
    return found(jnp.asarray(read_tensor(starts)))


def mass_ablation(prompted: TokenPrompted, members: Bool[ArrayLike, "n"]) -> Float[Array, "slots"]:
    """By how much the exact prior mass of the records `members` (n,) falls when a slot's word is replaced.

    The mass, `sum_members w_i K(e, e_i) / sum_i w_i K(e, e_i)`, is the share of samples that copy these records, so
    that this is what gradients and gaps stand for. Cost: one prior for each slot; no noise, no path.
    """
    mass = lambda scales: jnp.sum(jnp.where(members, _scaled(prompted, scales).prior(), 0))  # noqa: E731
    return _fall(mass, prompted.scales)


def _fall(statistic: Callable, scales):
    """The statistic with all slots less its values with one slot left out, (slots,)."""
    without = scales[None] * (1 - jnp.eye(len(scales), dtype=scales.dtype))
    return statistic(scales) - jnp.stack([statistic(row) for row in without])


def _slopes(score, x, level, branches):
    return jax.grad(_gap)(_prompted(score).scales, score, x, level)


def _gap(scales, score, x, level):
    changed = eqx.tree_at(lambda guided: guided.conditional, score, _scaled(_prompted(score), scales))
    return branches_of(changed.evaluate(x, level)).gap


def _scaled(prompted: TokenPrompted, scales) -> TokenPrompted:
    return eqx.tree_at(lambda one: one.scales, prompted, scales)


def _prompted(score) -> TokenPrompted:
    if not (isinstance(score, Guided) and isinstance(score.conditional, TokenPrompted)):
        raise ValueError("`score` must be `scores.Guided` with a `TokenPrompted` conditional score, but is another.")
    return score.conditional
