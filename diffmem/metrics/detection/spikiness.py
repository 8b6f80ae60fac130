"""How unevenly the hidden units of a network respond: memorized inputs are carried by few of them."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...annotations import Numbers, RandomKey
from ...checks import as_values
from ...integrators import AbstractIntegrator
from ...networks import layer_input
from ...processes import AbstractProcess
from ...scores import AbstractScore
from .paths import measured_along


def unit_spread(codes: Any) -> Any:
    """Standard deviation over the p hidden units of an activation of norm 1: `sqrt(1/p - mean(h/|h|)^2)`.

    `codes` (..., p) is an array of NumPy or JAX, and so is the answer (...). It is 0 where all units respond equally
    and `sqrt(p - 1)/p` where a single one does; without the norm it would measure the size of the input. Zeros have 0.
    Source: Zhang et al., arXiv:2512.20963, on normalised codes (derived).
    """
    codes = as_values("codes", codes)
    xp = codes.__array_namespace__()
    scale = xp.abs(codes).max(axis=-1, keepdims=True)  # so that no square underflows
    codes = codes / xp.where(scale > 0, scale, xp.ones_like(scale))
    norm = xp.sqrt((codes**2).sum(axis=-1, keepdims=True))
    return (codes / xp.where(norm > 0, norm, xp.ones_like(norm))).std(axis=-1)


def spikiness(
    score: AbstractScore,
    starts: Numbers,
    process: AbstractProcess,
    times: Numbers,
    key: RandomKey,
    *,
    where: Callable[[Any], Any],
    steps: int | None = None,
    integrator: AbstractIntegrator | None = None,
) -> Float[Array, "count"]:
    """The mean of `unit_spread` over the first `steps` steps (default: all) of the path of each start.

    The units are the inputs of the layer `where(score)`: `lambda guided: guided.conditional.network.last` for a
    `Guided` score of `Learned` ones. Only a network whose layers can be seen has such a statistic: not an exact score,
    nor one behind a callback. Cost: one path with two evaluations of the conditional branch a step. Raises ValueError
    as `guidance_gap` and `networks.layer_input`.
    """
    total = len(jnp.asarray(times)) - 1
    steps = total if steps is None else steps
    if not 1 <= steps <= total:
        raise ValueError(f"`steps` must be from 1 to {total}, the steps of `times`, but is {steps}.")
    measure = eqx.Partial(_spread_at, score, where)
    found = measured_along(measure, score, starts, process, jnp.asarray(times)[: steps + 1], key, integrator)
    return found[:steps].mean(axis=0)


def _spread_at(score, where, x, level, branches):
    return unit_spread(layer_input(score, where, lambda model: model.evaluate(x, level)).ravel())
