"""Samples that became NaN or infinite: at which time, and how many."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ..checks import is_concrete
from ..level import NoiseLevel
from ..processes import AbstractProcess
from ..scores import Evaluation


class LostSamplesError(ValueError):
    """Samples are NaN or infinite; `samples` holds all that was computed, None where a solver gave up."""

    def __init__(self, sentence: str, samples: Any = None):
        super().__init__(sentence)
        self.samples = samples


def stays_finite(x: Float[Array, "*shape"], level: NoiseLevel, found: Evaluation) -> Bool[Array, ""]:
    """An observer: whether the state and the denoised point are finite."""
    return jnp.isfinite(x).all() & jnp.isfinite(found.mean).all()


def are_finite(points: Float[Array, "count *shape"]) -> Bool[Array, "count"] | None:
    """Which points are finite; None while they have no values, or where all are."""
    if not is_concrete(points) or bool(jnp.isfinite(points).all()):
        return None
    return jnp.isfinite(points).all(axis=tuple(range(1, points.ndim)))


def lost_sentence(
    process: AbstractProcess,
    times: Float[Array, "nodes"],
    observed: Callable[[], Bool[Array, "nodes count"]],
    lost: int,
    count: int,
) -> str | None:
    """The sentence that says where finite numbers end on the path; None where they do not.

    `observed` makes the path again and looks at it, which is only done once something is lost.
    """
    finite = np.asarray(jax.device_get(observed()))
    broken = np.flatnonzero(~finite.all(axis=1))
    if not broken.size and not lost:
        return None
    if not broken.size:
        return f"`score` must be finite, but {lost} of {count} samples are NaN or infinite behind the last time."
    first = broken[0]
    alpha, sigma = (float(part) for part in process.level(times[first]))
    lost = lost or int((~finite).any(axis=0).sum())
    return (
        f"`score` must be finite along the path, but {lost} of {count} samples are NaN or infinite, the first of them "
        f"at time {float(times[first]):.4g} (alpha = {alpha:.3g}, sigma = {sigma:.3g})."
    )
