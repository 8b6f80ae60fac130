"""Checks of arguments: what is concrete raises ValueError in one sentence, what is traced raises when it is run."""

import inspect
import math
import operator
import types
from collections.abc import Callable, Container, Iterable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike

from .tensors import read_tensor

SMALLEST_VARIANCE = 2.0**20  # over the smallest normal number, so that a noise of a thousandth of the data has one too
LARGEST_SEED = 2**31 - 1  # seeds beyond would lose bits in 32-bit integers


def as_values(name: str, given: Any) -> Array | np.ndarray:
    """What a user gives as numbers, as an array that JAX and NumPy can compute with: the one door for points, weights
    and parameters.

    Lists, tensors of PyTorch, objects with `__array__` (a `Dataset`, which stands for its points) and foreign byte
    orders are converted; half precision becomes float32, and long double float64. Raises ValueError for masked arrays,
    ragged lists, complex numbers and what is not numbers. JAX arrays, also traced ones, stay where they are; nothing is
    copied without need.
    """
    given = read_tensor(given)
    if np.ma.isMaskedArray(given):
        raise ValueError(f"`{name}` must not be masked: choose the entries, or fill them with `.filled(value)`.")
    if isinstance(given, jax.Array):
        values = given
    elif isinstance(given, (list, tuple)) and any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(given)):
        if None in given:
            raise ValueError(f"`{name}` must hold real numbers, but is {described(given)}.")
        values = jnp.asarray(given)
    else:
        try:
            values = np.asarray(given)
        except ValueError:
            raise ValueError(f"`{name}` must be an array of one shape, but its rows have several lengths.") from None
    if not is_real(values.dtype):
        raise ValueError(f"`{name}` must hold real numbers, but is {described(given, values)}.")
    if jnp.issubdtype(values.dtype, np.floating) and values.dtype.itemsize not in (4, 8):
        return values.astype(np.float32 if values.dtype.itemsize < 4 else np.float64)
    return (
        values
        if isinstance(values, jax.Array) or values.dtype.isnative
        else values.astype(values.dtype.newbyteorder("="))
    )


def is_real(dtype) -> bool:
    """Whether entries of this dtype are real numbers or booleans, in NumPy's types and in JAX's (bfloat16)."""
    return any(jnp.issubdtype(dtype, kind) for kind in (np.floating, np.integer, np.bool_))


def described(given: Any, values: Array | np.ndarray | None = None) -> str:
    """What an argument of the wrong kind is, in a few words."""
    if inspect.isclass(given):
        return f"the class {given.__name__}, without its parentheses"
    if isinstance(given, (str, int, float, complex, type(None))):
        return repr(given)
    if values is not None and values.dtype != object:
        return f"an array of dtype {values.dtype}"
    return f"of type {type(given).__name__}"


def check_kind(name: str, value: Any, kind: type, words: str) -> None:
    """Raise ValueError unless `value` is an instance of `kind`, which `words` describe."""
    if inspect.isclass(value) or not isinstance(value, kind):
        raise ValueError(f"`{name}` must be {words}, but is {described(value)}.")


def check_callable(
    name: str,
    value: Any,
    words: str,
    count: int | None = None,
    never: Container[str] = (),
    keywords: Container[str] = (),
) -> None:
    """Raise ValueError unless `value` can be called as `words` say: with `count` positional arguments, if given.

    The signature alone is looked at, where there is one, so that an error inside the function stays what it is. `never`
    holds names that the last argument does not have in a function that is meant to be called so, `keywords` those of
    keyword arguments that it is given.
    """
    if not callable(value):
        raise ValueError(f"`{name}` must be a function {words}, but is {described(value)}.")
    if count is None:
        return
    if inspect.isclass(value) or isinstance(value, np.ufunc):
        raise ValueError(f"`{name}` must be a function {words}, but is {described(value)}.")
    try:
        parameters = _parameters(value)
    except (TypeError, ValueError):  # some compiled functions have none
        return
    if not _fits(parameters, count, never, keywords):
        takes = ", ".join(str(p).partition("=")[0].partition(":")[0] for p in parameters)
        raise ValueError(f"`{name}` must be a function {words}, but takes ({takes}).")


def _parameters(function: Callable) -> list[inspect.Parameter]:
    """What a function takes itself, also where it wraps one that takes something else; of that one where it hands on
    what it is given, as compiled functions do.
    """
    while (wrapped := getattr(function, "__wrapped__", None)) and not isinstance(
        function, (types.MethodType, eqx.Module)
    ):
        if isinstance(function, types.FunctionType):
            own = list(inspect.signature(function, follow_wrapped=False).parameters.values())
            if not any(p.kind is p.VAR_POSITIONAL for p in own):
                return own
        function = wrapped
    return list(inspect.signature(function).parameters.values())


def _fits(parameters: list[inspect.Parameter], count: int, never: Container[str], keywords: Container[str]) -> bool:
    """Whether a function can be called with so many positional arguments and is meant to be."""
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    more = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    missing = any(p.kind is p.KEYWORD_ONLY and p.default is p.empty and p.name not in keywords for p in parameters)
    needed = sum(p.default is p.empty for p in places)
    named = len(places) >= count and places[count - 1].name in never
    return not missing and not named and needed <= count <= (math.inf if more else len(places))


def check_number(name: str, value: Any) -> None:
    """Raise ValueError unless `value` is one real number, or will be one when it is known."""
    if isinstance(value, (int, float)):
        return
    values = as_values(name, value)
    if np.ndim(values):
        raise ValueError(f"`{name}` must be one number, but has shape {np.shape(values)}.")


def number(name: str) -> Callable[[Any], float]:
    """The converter of a field that is one real number."""

    def convert(value: Any) -> float:
        check_number(name, value)
        return float(value)

    return convert


def check_key(key: Any) -> None:
    """Raise ValueError unless `key` is one key of JAX."""
    typed = isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    raw = isinstance(key, (jax.Array, np.ndarray)) and key.dtype == np.uint32
    if not (typed and key.ndim == 0) and not (raw and key.ndim == 1):
        raise ValueError(f"`key` must be one key of JAX, such as jax.random.key(0), but is {described(key)}.")


def check_positive(name: str, value: Any) -> None:
    """Raise ValueError unless a number that is known is positive and finite."""
    check_number(name, value)
    if is_concrete(value) and not 0 < value < np.inf:
        raise ValueError(f"`{name}` must be positive and finite, but is {value}.")


def check_points(points: ArrayLike) -> None:
    """Raise ValueError unless points are a non-empty array of finite numbers with a leading axis of points."""
    if np.ndim(points) < 2 or 0 in np.shape(points):
        raise ValueError(
            f"`points` must have shape (n, *shape) with n >= 1 and a shape, but has shape {np.shape(points)}."
        )
    check_finite("points", points)


def check_finite(name: str, values: ArrayLike) -> None:
    """Raise ValueError when a concrete array holds NaN or infinity."""
    if is_concrete(values) and not _where_it_lives(values).isfinite(_read(values)).all():
        raise ValueError(f"`{name}` must be finite, but holds NaN or infinite values.")


def check_scale(parameters: dict[str, ArrayLike], dtype) -> None:
    """Raise ValueError where known parameters are of a size whose squares, or whose variances, `dtype` cannot hold.

    Names that begin with "covariance" or "variance" are of variances. A Gaussian of such data needs a variance that is
    no number; data are brought to unit size by a factor.
    """
    small, large = SMALLEST_VARIANCE * float(np.finfo(dtype).tiny), float(np.finfo(dtype).max) / 4
    for name, values in parameters.items():
        if not is_concrete(values):
            continue
        top = float(np.max(np.abs(np.asarray(values, np.float64)), initial=0))
        square = top if name.startswith(("covariance", "variance")) else top**2
        if square and not small <= square <= large:
            raise ValueError(
                f"`{name}` must be of a scale whose variance {dtype} can hold, but is as large as {top:.3g}."
            )


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
    """Raise ValueError when a concrete array holds a negative number, or no numbers."""
    values = as_values(name, values)
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
    return (
        str(value).replace("\n", "") if value.size <= 6 else f"[{value[0]:.4g}, {value[1]:.4g}, ..., {value[-1]:.4g}]"
    )


def is_concrete(values: ArrayLike) -> bool:
    """Whether values can be read now: not those of a trace."""
    return not isinstance(values, jax.core.Tracer)


def on_host(values: ArrayLike) -> bool:
    """Whether NumPy can read them where they are."""
    if isinstance(values, jax.Array) and is_concrete(values):
        return [device.platform for device in values.devices()] == ["cpu"]
    return is_concrete(values)


def _where_it_lives(values: ArrayLike):
    """JAX for an array split over devices, parts of which other processes may hold; NumPy for all others."""
    return jnp if isinstance(values, jax.Array) and len(values.devices()) > 1 else np


def _read(values: ArrayLike):
    """`values` where they can be computed with now, also inside jit: NumPy's functions hand JAX arrays back to JAX."""
    return values if _where_it_lives(values) is jnp else np.asarray(values)


def check_count(name: str, count: int) -> None:
    """Raise ValueError unless the number called `name` is a whole number of at least 1."""
    check_whole(name, count)
    if not count >= 1:
        raise ValueError(f"`{name}` must be at least 1, but is {count}.")


def check_whole(name: str, number: Any) -> None:
    """Raise ValueError unless a number is an integer of Python, or one of NumPy or JAX without axes."""
    try:
        operator.index(number)
    except TypeError:
        raise ValueError(f"`{name}` must be a whole number, but is {described(number)}.") from None


def check_whole_numbers(name: str, values: Any) -> None:
    """Raise ValueError unless `values` is a sequence of whole numbers."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ValueError(f"`{name}` must be a sequence of whole numbers, but is {described(values)}.")
    for value in values:
        check_whole(name, value)


def check_rank(name: str, k: Any, most: int, words: str) -> None:
    """Raise ValueError unless k is a whole number between 1 and `most`, which is the number of `words`."""
    check_whole(name, k)
    if not 1 <= k <= most:
        raise ValueError(f"`{name}` must be between 1 and {most}, the number of {words}, but is {k}.")


def check_seed(seed: int) -> None:
    """Raise ValueError unless the seed is a whole number that every precision tells from all others."""
    check_whole("seed", seed)
    if not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"`seed` must be between 0 and {LARGEST_SEED}, but is {seed}.")
