"""Multistep methods as they were published: the history is gathered by first steps of lower order."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int

from ...level import NoiseLevel
from ..dynamics import flow_towards, log_ratio


class GatheredHistory(NamedTuple):
    """lambda = log(alpha/sigma) of earlier nodes and D there, the latest first."""

    time: Float[Array, "past"]
    denoised: Float[Array, "past *shape"]
    known: Int[ArrayLike, ""]
    """How many of them have been seen."""
    left: Int[ArrayLike, ""]
    """Steps that are still to be made."""


def empty_history(order: int, x: Float[Array, "*shape"], steps: int) -> GatheredHistory:
    """The history before the first of so many steps."""
    past = order - 1
    return GatheredHistory(jnp.zeros((past,), x.dtype), jnp.zeros((past, *x.shape), x.dtype), 0, steps)


def gathering_step(
    correction: Callable, x, denoised, history: GatheredHistory, now: NoiseLevel, after: NoiseLevel, lowered: bool
):
    """x and the history after one step with as much of the history as has been seen.

    With `lowered` the last step uses none of it, and the one before it at most one point. Steps that touch alpha = 0 or
    sigma = 0 are of first order.
    """
    edge = (now.alpha == 0) | (after.alpha == 0) | (after.sigma == 0)
    # at an edge the correction is not used: finite stand-ins keep its derivatives finite too
    here, there = (NoiseLevel(*(jnp.where(edge, 1, value) for value in level)) for level in (now, after))
    h = jnp.where(edge, 1, log_ratio(there) - log_ratio(here))
    usable = jnp.minimum(history.known, history.left - 1) if lowered else jnp.asarray(history.known)
    offsets, past = _on_a_line(h, history.time - log_ratio(here), denoised, history.denoised, usable)
    moved = flow_towards(denoised, x, now, after)
    moved = moved + jnp.where(edge, 0, after.alpha * correction(h, offsets, denoised, past))
    shift = lambda new, old: jnp.concatenate([new[None], old])[: len(old)]  # noqa: E731
    seen = GatheredHistory(
        shift(log_ratio(now), history.time),
        shift(denoised, history.denoised),
        jnp.minimum(history.known + 1, len(history.time)),
        history.left,
    )
    kept = jax.tree.map(lambda new, old: jnp.where(now.alpha == 0, old, new), seen, history)
    return moved, kept._replace(left=history.left - 1)


def _on_a_line(h, offsets, denoised, past, usable):
    """Offsets and D of at most two earlier nodes, those behind the first `usable` ones replaced so that they change
    nothing: on the line through D and the first, or equal to D.
    """
    assert len(offsets) <= 2
    index = jnp.arange(len(offsets))
    known, any_known = index < usable, usable > 0
    first = jnp.where(any_known, offsets[0], -h)
    slope = jnp.where(any_known, (past[0] - denoised) / first, 0)
    offsets = jnp.where(known, offsets, first * (1 + index.astype(h.dtype)))
    line = jax.vmap(lambda offset: denoised + offset * slope)(offsets)
    return offsets, jnp.where(known.reshape(-1, *[1] * denoised.ndim), past, line)
