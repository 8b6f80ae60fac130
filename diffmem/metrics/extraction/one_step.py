"""Extraction by one step: what a score makes of pure noise."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ...annotations import Numbers, Points
from ...checks import check_finite, check_points
from ...dataframe import rows_as_dataframe
from ...level import NoiseLevel, cast_level, float_dtype, strong
from ...representation import one_line
from ...scores import AbstractScore


class OneStep(NamedTuple):
    """What one step from pure noise gives."""

    estimate: Float[Array, "count *shape"]
    """D of each start: of a memorized prompt nearly the training point itself."""
    change: Float[Array, "count"]
    """Mean square of `x/sigma - D`, the white-box statistic, larger for memorized prompts."""
    consistency: Float[Array, ""]
    """Mean over coordinates of the variance of the estimates over starts: 0 where the start does not matter."""

    to_dataframe = rows_as_dataframe
    __repr__ = one_line


def one_step(score: AbstractScore, starts: Numbers, level: NoiseLevel) -> OneStep:
    """The one-step estimate D of each start (count, *shape) at a high noise level, and how little it depends on them.

    One step of DDIM to the clean end is D itself. At pure noise D of a conditional score is the mean of what its prompt
    describes, mu_c, and with guidance of weight g `mu + g (mu_c - mu)`: the training point where there is one, and a
    blend of all of them where there are several, so that a sharp estimate that different starts share is a copy. Needs
    no derivative. Cost: one evaluation for each start.

    Source: Webster, arXiv:2305.08694, who takes one step of Heun's method, in images finds common edges of the
    estimates, and calls `change` the white-box score.
    """
    starts = strong(starts, float_dtype(starts))
    level = cast_level(level, starts.dtype)
    estimate = _denoised(score, starts, level)
    change = jnp.mean((starts / level.sigma - estimate).reshape(len(starts), -1) ** 2, axis=1)
    return OneStep(estimate, change, jnp.mean(jnp.var(estimate, axis=0)))


@eqx.filter_jit
def _denoised(score, starts, level):
    return jax.vmap(lambda x: score.denoise(x, level))(starts)


def template_mask(samples: Points, variance: Numbers, share: float = 0.05) -> Bool[np.ndarray, "*shape"]:
    """The coordinates that all samples (count, *shape) of one prompt share, those of a template.

    They are those whose variance over the samples is below `share` of `variance` (*shape), that of unconditional
    samples. Samples may be generations, their one-step estimates, or training points of a label.
    Raises ValueError for another shape and for values that are not finite.
    Source: analogue of Webster, arXiv:2305.08694, who masks the pixels in which a generation and an image agree.
    """
    check_points(samples)
    check_finite("variance", variance)
    samples, variance = np.asarray(samples, np.float64), np.asarray(variance, np.float64)
    if variance.shape != samples.shape[1:]:
        raise ValueError(f"`variance` must have the event shape {samples.shape[1:]}, but has shape {variance.shape}.")
    return samples.var(axis=0) < share * variance
