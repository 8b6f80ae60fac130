"""The noise level (alpha, sigma), the only thing a score knows of a process, and what a process looks like from below.

Every process here is `x_t = alpha(t) x_0 + sigma(t) z` with z ~ N(0, I): the posterior given x_t depends on time
through the
pair alone. The protocol lets scores and theory take a process by its shape, without importing the package of processes.
"""

from typing import NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float


class NoiseLevel(NamedTuple):
    """Signal rate and noise scale of `x = alpha x_0 + sigma z`; plain floats, NumPy or JAX scalars, or arrays of
    them.
    """

    alpha: Float[ArrayLike, "*times"]
    sigma: Float[ArrayLike, "*times"]


@runtime_checkable
class ProcessLike(Protocol):
    """What the layers below `processes` may ask of a process: its range of times, its level, and the inverse of
    sigma/alpha.
    """

    @property
    def t_min(self) -> float:
        """Smallest time, next to the data."""
        ...

    @property
    def t_max(self) -> float:
        """Largest time, noise."""
        ...

    def level(self, t: ArrayLike) -> NoiseLevel:
        """(alpha, sigma) at time t."""
        ...

    def rate(self, t: ArrayLike) -> NoiseLevel:
        """(alpha', sigma') at time t."""
        ...

    def time_at(self, ratio: ArrayLike) -> Array:
        """The time at which sigma/alpha equals ratio."""
        ...


def cast_level(level: NoiseLevel, dtype) -> NoiseLevel:
    """A level as strongly typed scalars of `dtype`, so that 0.5 and jnp.float32(0.5) share one compilation.

    Raises ValueError where alpha or sigma is known and negative or not a number.
    """
    for name, value in zip(NoiseLevel._fields, level):
        if not isinstance(value, jax.core.Tracer) and not np.all(np.asarray(value) >= 0):
            raise ValueError(f"`{name}` must be at least 0, but is {value}.")
    return cast_rate(level, dtype)


def cast_rate(rate: NoiseLevel, dtype) -> NoiseLevel:
    """The same for (alpha', sigma'), of any sign."""
    return NoiseLevel(strong(rate[0], dtype), strong(rate[1], dtype))


def strong(value: ArrayLike, dtype) -> Array:
    """`value` as an array of `dtype` without JAX's weak type (a weak and a strong scalar compile twice)."""
    return jax.lax.convert_element_type(jnp.asarray(read_tensor(value)), dtype)


def read_tensor(values):
    """A PyTorch tensor as a NumPy array, wherever it is, with or without gradients; everything else as it is.

    Half precisions, of which NumPy lacks one, become float32. PyTorch is not imported.
    """
    if type(values).__module__.split(".")[0] != "torch":
        return values
    tensor = values.detach().cpu()
    return np.asarray(tensor.float() if tensor.dtype.itemsize < 4 and tensor.dtype.is_floating_point else tensor)


def float_dtype(*values: ArrayLike):
    """The floating dtype that `values` promote to; integers and Python numbers give JAX's default float."""
    values = tuple(read_tensor(value) for value in values)
    dtype = jnp.result_type(*(np.asarray(value) if isinstance(value, (list, tuple)) else value for value in values))
    return dtype if jnp.issubdtype(dtype, jnp.floating) else jnp.zeros(()).dtype


def requested_dtype(dtype):
    """float32 or float64, asked for by name; raises ValueError for others, and for float64 while JAX's x64 is off."""
    found = np.dtype(dtype)
    if found not in (np.dtype("float32"), np.dtype("float64")):
        raise ValueError(f"`dtype` must be float32 or float64, but is {dtype}.")
    if found == np.dtype("float64") and not jax.config.jax_enable_x64:
        raise ValueError("`dtype` float64 must be used with jax_enable_x64 (or JAX_ENABLE_X64=1), but x64 is off.")
    return found
