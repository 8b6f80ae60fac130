"""Doors of the public functions: what is concrete raises ValueError in one sentence, what is traced raises when run."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from ..level import NoiseLevel, float_dtype, strong
from ..processes import AbstractProcess
from ..scores import AbstractScore


def checked_times(times: ArrayLike, name: str = "times") -> Float[Array, "nodes"]:
    """`times` as a floating array; refused unless they are at least two, finite and strictly decreasing."""
    if np.ndim(times) != 1 or np.size(times) < 2:
        raise ValueError(f"`{name}` must be one-dimensional with at least 2 entries, but has shape {np.shape(times)}.")
    # after the cast, which may make neighbours equal
    times = strong(times, float_dtype(times))
    seen = times if isinstance(times, jax.core.Tracer) else np.asarray(times)
    fall = (seen[1:] < seen[:-1]).all() & (abs(seen) < jnp.inf).all()
    return require(times, fall, f"`{name}` must be finite and strictly decreasing, but is {_brief(times)}.")


def require(value, holds: ArrayLike, sentence: str):
    """`value`; refused with `sentence` unless `holds`: at once where that is known, else when it is run."""
    if isinstance(holds, jax.core.Tracer):
        return eqx.error_if(value, ~holds, sentence)
    if not bool(holds):
        raise ValueError(sentence)
    return value


def require_noise(value, process: AbstractProcess, time: ArrayLike):
    """`value`; refused unless sigma > 0 at `time`, where an equation divides by it."""
    sigma = process.sigma(time)
    return require(value, sigma > 0, f"`times` must end where sigma > 0, but sigma({_brief(time)}) is {_brief(sigma)}.")


def answered_dtype(score: AbstractScore, shape: tuple[int, ...], dtype, *, drawn: bool = False):
    """The dtype in which the score answers a point of `dtype`, or with `drawn` one of its own draws; refused where its
    answer has another shape. An error of the score itself is not touched.
    """
    level = NoiseLevel(*(jax.ShapeDtypeStruct((), dtype) for _ in "as"))
    if drawn:
        dtype = jax.eval_shape(lambda level: score.sample(level, key=jax.random.key(0)), level).dtype
    answer = jax.eval_shape(score.denoise, jax.ShapeDtypeStruct(shape, dtype), level)
    if answer.shape != shape:
        raise ValueError(f"`shape` must be the event shape of the score, but is {shape}: it returns {answer.shape}.")
    return answer.dtype


def _brief(value):
    if isinstance(value, jax.core.Tracer):
        return "something else"
    value = np.asarray(value)
    return str(value) if value.size <= 6 else f"[{value[0]:.4g}, {value[1]:.4g}, ..., {value[-1]:.4g}]"
