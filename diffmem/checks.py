"""Checks of arguments: what is concrete raises ValueError in one sentence, what is traced raises when it is run."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike

LARGEST_SEED = 2**31 - 1  # seeds beyond would lose bits in 32-bit integers


def check_points(points: ArrayLike) -> None:
    """Raise ValueError unless points are a non-empty array of finite numbers with a leading axis of points."""
    if np.ndim(points) < 2 or np.shape(points)[0] < 1:
        raise ValueError(
            f"`points` must have shape (n, *shape) with n >= 1 and a shape, but has shape {np.shape(points)}."
        )
    check_finite("points", points)


def check_finite(name: str, values: ArrayLike) -> None:
    """Raise ValueError when a concrete array holds NaN or infinity."""
    if is_concrete(values) and not _where_it_lives(values).isfinite(_read(values)).all():
        raise ValueError(f"`{name}` must be finite, but holds NaN or infinite values.")


def check_weights(weights: ArrayLike | None, n: int) -> None:
    """Raise ValueError unless weights are None or n numbers, none negative, not all zero."""
    if weights is None:
        return
    if np.shape(weights) != (n,):
        raise ValueError(f"`weights` must have shape ({n},), one for each centre, but has shape {np.shape(weights)}.")
    check_finite("weights", weights)
    check_nonnegative("weights", weights)
    if is_concrete(weights) and not _where_it_lives(weights).max(_read(weights)) > 0:
        raise ValueError("`weights` must not all be 0.")


def check_nonnegative(name: str, values: ArrayLike) -> None:
    """Raise ValueError when a concrete array holds a negative number."""
    if is_concrete(values) and (least := _where_it_lives(values).min(_read(values))) < 0:
        raise ValueError(f"`{name}` must be at least 0, but holds {least}.")


def require(value, holds: ArrayLike, sentence: str):
    """`value`; refused with `sentence` unless `holds`: at once where that is known, else when it is run."""
    if not is_concrete(holds):
        return eqx.error_if(value, ~holds, sentence)
    if not bool(holds):
        raise ValueError(sentence)
    return value


def brief(value: ArrayLike) -> str:
    """A value as it is shown in a message."""
    if not is_concrete(value):
        return "something else"
    value = np.asarray(value)
    return str(value) if value.size <= 6 else f"[{value[0]:.4g}, {value[1]:.4g}, ..., {value[-1]:.4g}]"


def is_concrete(values: ArrayLike) -> bool:
    """Whether values can be read now: not those of a trace."""
    return not isinstance(values, jax.core.Tracer)


def _where_it_lives(values: ArrayLike):
    """JAX for an array split over devices, parts of which other processes may hold; NumPy for all others."""
    return jnp if isinstance(values, jax.Array) and len(values.devices()) > 1 else np


def _read(values: ArrayLike):
    """`values` where they can be computed with now, also inside jit: NumPy's functions hand JAX arrays back to JAX."""
    return values if _where_it_lives(values) is jnp else np.asarray(values)


def check_count(name: str, count: int) -> None:
    """Raise ValueError unless the number called `name` is at least 1."""
    if not count >= 1:
        raise ValueError(f"`{name}` must be at least 1, but is {count}.")


def check_seed(seed: int) -> None:
    """Raise ValueError unless the seed is one that every precision tells from all others."""
    if not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"`seed` must be between 0 and {LARGEST_SEED}, but is {seed}.")
