"""The size of the text-conditional noise prediction: how far the two branches of guidance are apart."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ...annotations import Numbers, RandomKey
from ...integrators import AbstractIntegrator
from ...level import NoiseLevel
from ...processes import AbstractProcess
from ...scores import AbstractScore, Branches
from .paths import check_steps, measured_along


def gap(x: Float[Array, "*shape"], level: NoiseLevel, branches: Branches) -> Float[Array, ""]:
    """`|eps_c - eps_u|` of one state, the distance of the two noise predictions."""
    return branches.gap


def guidance_gap(
    score: AbstractScore,
    starts: Numbers,
    process: AbstractProcess,
    times: Numbers,
    key: RandomKey,
    *,
    steps: int | None = None,
    integrator: AbstractIntegrator | None = None,
) -> Float[Array, "count"]:
    """The mean of `|eps_c - eps_u|` over the first `steps` steps (default: all) of the path of each start.

    Larger for memorized prompts. At pure noise it is `(alpha/sigma) |mu_c - mu|`, the distance of the mean of what the
    prompt describes from the mean of everything, and so large for any distinct prompt (derived); at the clean end it is
    0 for exact scores. Arguments as in `measured_along`. Cost: one path; for `steps` = 1, one evaluation of both
    branches. Source: Wen et al., arXiv:2407.21720.
    """
    steps = len(jnp.asarray(times)) - 1 if steps is None else steps
    check_steps(steps, times)
    # an observer is called before each step, and once more at the end of what is followed
    found = measured_along(gap, score, starts, process, jnp.asarray(times)[: steps + 1], key, integrator)
    return found[:steps].mean(axis=0)
