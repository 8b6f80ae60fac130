"""Samples that became NaN or infinite: at which time, and how many."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float

from ..checks import is_concrete, on_host
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


def lost_among(points: Float[Array, "count *shape"]) -> int:
    """How many points are not finite; 0 while they have no values."""
    if not is_concrete(points):
        return 0
    finite = np.isfinite(np.asarray(points)) if on_host(points) else jnp.isfinite(points)
    return int((~finite.reshape(len(points), -1).all(axis=1)).sum())


def lost_sentence(
    process: AbstractProcess,
    times: Float[Array, "nodes"],
    finite: Bool[ArrayLike, "nodes count"],
    lost: int,
    count: int,
) -> str | None:
    """The sentence that says where finite numbers end on the path, `finite` or not; None where they do not."""
    finite = np.asarray(finite)
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
