"""The noise level (alpha, sigma), the only thing a score knows of a process, and what a process looks like from below.

Every process here is `x_t = alpha(t) x_0 + sigma(t) z`, z ~ N(0, I): the posterior given x_t depends on this pair
alone. The protocol lets scores and theory take a process by its shape, without importing the package of processes.
"""

from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from .tensors import read_tensor


class NoiseLevel(NamedTuple):
    """Signal rate and noise scale of `x = alpha x_0 + sigma z`; plain floats, NumPy or JAX scalars, or arrays of
    them.
    """

    alpha: Float[ArrayLike, "*times"]
    sigma: Float[ArrayLike, "*times"]


@runtime_checkable
class ProcessLike(Protocol):
    """What layers below `processes` may ask of a process: its range of times, its level, and the time of a ratio."""

    @property
    def t_min(self) -> ArrayLike:
        """Smallest time, next to the data."""
        ...

    @property
    def t_max(self) -> ArrayLike:
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

    Raises ValueError where the level is no pair, and where alpha or sigma is known and negative, infinite (alpha) or
    not a real number.
    """
    if not isinstance(level, (tuple, list)) or len(level) != 2:
        found = repr(level) if isinstance(level, (str, int, float, type(None))) else f"of type {type(level).__name__}"
        raise ValueError(f"`level` must be a NoiseLevel(alpha, sigma), such as process.level(t), but is {found}.")
    for name, value in zip(NoiseLevel._fields, level):
        if not isinstance(value, jax.core.Tracer):
            known = np.asarray(value)
            if known.dtype.kind in "cOSU":
                raise ValueError(f"`{name}` must be a real number, but is {value!r}.")
            if not np.all(known >= 0):
                raise ValueError(f"`{name}` must be at least 0, but is {value}.")
    if not isinstance(level[0], jax.core.Tracer) and np.isinf(np.asarray(level[0])).any():
        raise ValueError(f"`alpha` must be finite, but is {level[0]}.")
    return cast_rate(level, dtype)


def cast_rate(rate: NoiseLevel, dtype) -> NoiseLevel:
    """The same for (alpha', sigma'), of any sign."""
    return NoiseLevel(strong(rate[0], dtype), strong(rate[1], dtype))


def strong(value: Any, dtype) -> Array:
    """`value` as an array of `dtype` without JAX's weak type (a weak and a strong scalar compile twice)."""
    value = read_tensor(value)
    if isinstance(value, (np.ndarray, np.generic, int, float)):
        with np.errstate(over="ignore"):
            # `jnp.asarray` would compile a program for every shape
            return jax.device_put(np.array(value, dtype))
    return jax.lax.convert_element_type(jnp.asarray(value), dtype)


def float_dtype(*values: Any):
    """The floating dtype that `values` promote to: half precision counts as float32; integers, lists and Python numbers
    take the dtype of the others, or JAX's default float.
    """
    return jnp.result_type(*(_with_dtype(read_tensor(value)) for value in values))


def _with_dtype(value):
    """float32 or float64 for floating values of any width, or a Python number for what takes the dtype of others."""
    if isinstance(value, (int, float, list, tuple)):
        return 0.0
    dtype = getattr(value, "dtype", None)
    dtype = (np.asarray(value).dtype if dtype is None else dtype).newbyteorder("=")
    if not jnp.issubdtype(dtype, jnp.floating):
        return 0.0
    # float64 of NumPy is float32 while x64 is off, without a warning that nobody can act on
    return jax.dtypes.canonicalize_dtype("float32" if dtype.itemsize <= 4 else "float64")


def requested_dtype(dtype):
    """float32 or float64, asked for by name; raises ValueError for others, and for float64 while JAX's x64 is off."""
    found = np.dtype(dtype)
    if found not in (np.dtype("float32"), np.dtype("float64")):
        raise ValueError(f"`dtype` must be float32 or float64, but is {dtype}.")
    if found == np.dtype("float64") and not jax.config.jax_enable_x64:
        raise ValueError("`dtype` float64 must be used with jax_enable_x64 (or JAX_ENABLE_X64=1), but x64 is off.")
    return found
