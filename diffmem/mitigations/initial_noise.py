"""Other starting states for a prompt, chosen so that its branches agree, or agree in slope, at the first step."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..annotations import Numbers, Scalar
from ..checks import check_count
from ..level import float_dtype, strong
from ..processes import AbstractProcess
from ..scores import AbstractScore
from ..scores.combined import branches_of


def init_noise(
    starts: Numbers,
    score: AbstractScore,
    process: AbstractProcess,
    times: Numbers,
    *,
    steps: int = 10,
    rate: float = 0.01,
) -> Float[Array, "count *shape"]:
    """States from which the two predictions differ less: `steps` steps of Adam on `|eps_c - eps_u|` of each start.

    `score` is guided and has derivatives; `starts` (count, *shape) are states at times[0]. Quality: the starts are no
    longer normal, which guidance turns into another choice among what the prompt describes; a prompt of one image is
    copied from every start. Cost: a reverse derivative of both branches a step. Source: Han et al., arXiv:2510.08625.
    """
    return _descended(_gap, starts, score, process, times, steps, rate)


def sail(
    starts: Numbers,
    score: AbstractScore,
    process: AbstractProcess,
    times: Numbers,
    *,
    alpha: Scalar = 0.05,
    delta: Scalar = 1.0,
    steps: int = 10,
    rate: float = 0.05,
) -> Float[Array, "count *shape"]:
    """States of less curvature: `steps` steps of Adam on `|s(x + delta s(x)/|s(x)|) - s(x)| + alpha |x|` of each start,

    with `s = (eps_u - eps_c)` the difference of the scores in units of noise. The first term estimates the size of the
    Hessian along s (`metrics.detection.curvature`), the second keeps starts near the origin: it shrinks them, which
    alone makes copies more likely where both branches are exact, and `alpha` acts relative to the size of the first.

    Arguments and quality as in `init_noise`. Cost: a reverse derivative of two evaluations of both branches a step.
    Source: Jeon et al., arXiv:2412.04140, in the form of the released code (no squares, a unit direction).
    """
    return _descended(eqx.Partial(_curved, alpha, delta), starts, score, process, times, steps, rate)


@eqx.filter_jit
def _descended(loss: Callable, starts, score, process, times, steps: int, rate: float):
    import optax

    check_count("steps", steps)
    starts = strong(starts, float_dtype(starts))
    level = process.level(jnp.asarray(times)[0])
    optimiser = optax.adam(rate)
    # Adam treats coordinates one by one, so that the sum over starts moves each as if it were alone
    slope = jax.grad(lambda x: jax.vmap(lambda one: loss(score, one, level))(x).sum())

    def step(carry, _):
        x, state = carry
        downhill = slope(x).astype(x.dtype)
        with jax.numpy_dtype_promotion("standard"):  # optimisers mix integers and numbers
            move, state = optimiser.update(downhill, state)
        return (optax.apply_updates(x, move), state), None

    return jax.lax.scan(step, (starts, optimiser.init(starts)), length=steps)[0][0]


def _gap(score, x, level):
    return branches_of(score.evaluate(x, level)).gap


def _curved(alpha, delta, score, x, level):
    here = _difference(score, x, level)
    direction = (here / _norm(here)).astype(x.dtype)
    there = _difference(score, x + strong(delta, x.dtype) * direction, level)
    return _norm(there - here).astype(x.dtype) + strong(alpha, x.dtype) * _norm(x)


def _difference(score, x, level):
    found = branches_of(score.evaluate(x, level))
    return found.unconditional.noise - found.conditional.noise


def _norm(v):
    """The norm, at least the smallest normal number: with derivative 0 and a direction where v is 0."""
    least = jnp.asarray(jnp.finfo(v.dtype).tiny, v.dtype)
    return jnp.sqrt(jnp.maximum(jnp.sum(v**2), least))
