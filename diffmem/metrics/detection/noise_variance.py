"""Whether all noises lead to one image: the spread of what the conditional branch expects."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...annotations import Numbers, RandomKey
from ...processes import AbstractProcess
from ...scores import AbstractScore
from ...scores.combined import branches_of
from ...tensors import read_tensor


@eqx.filter_jit
def noise_variance(
    score: AbstractScore,
    starts: Numbers,
    process: AbstractProcess,
    times: Numbers,
    key: RandomKey | None = None,
) -> Float[Array, "count"]:
    """Minus the variance over starts of the conditional estimate D_c at times[0], 0 where a prompt names one point.

    One number for each start, `-<D_i - mean of the others, D_i - mean of all>`, whose mean over the starts is minus the
    trace of the unbiased sample covariance. It measures the spread of what the prompt describes and not where that
    lies, so that it is the baseline for statistics that respond to both. At pure noise the variance tends to
    `(alpha/sigma)^2 tr C^2`, C the covariance given the prompt (derived).

    `score` is guided; `starts` (count, *shape), at least 2, are states at times[0]; nothing is drawn from `key`. Needs
    no derivatives. Cost: one evaluation of both branches. Raises ValueError for a single start. Source: the agreement
    of noises of Webster, arXiv:2305.08694, as a variance.
    """
    starts = jnp.asarray(read_tensor(starts))
    count = len(starts)
    if count < 2:
        raise ValueError(f"`starts` must hold at least 2 states to have a variance, but holds {count}.")
    level = process.level(jnp.asarray(times)[0])
    means = jax.vmap(lambda x: branches_of(score.evaluate(x, level)).conditional.mean.ravel())(starts)
    away = means - means.mean(axis=0, keepdims=True)
    return -jnp.sum(away**2, axis=1) * (count / (count - 1))
