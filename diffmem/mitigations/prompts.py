"""A guided score under another prompt, and the gap of its branches at the first step, which mitigations lower."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..annotations import Numbers
from ..processes import AbstractProcess
from ..scores import AbstractScore, Guided
from ..scores.combined import branches_of
from ..tensors import read_tensor


def with_prompt(score: Guided, prompt: Numbers) -> Guided:
    """The guided score whose conditional score is asked for another prompt, by its `conditioned(prompt)`."""
    conditional = score.conditional.conditioned(prompt)  # pyright: ignore[reportAttributeAccessIssue]
    return Guided(conditional, score.unconditional, score.weight)


@eqx.filter_jit
def first_gaps(
    score: AbstractScore, starts: Numbers, process: AbstractProcess, times: Numbers
) -> Float[Array, "count"]:
    """`|eps_c - eps_u|` of a guided score at each of the states `starts` (count, *shape) at times[0].

    Cost: one evaluation of both branches. Raises ValueError for a score without branches.
    """
    level = process.level(jnp.asarray(times)[0])
    return jax.vmap(lambda x: branches_of(score.evaluate(x, level)).gap)(jnp.asarray(read_tensor(starts)))
