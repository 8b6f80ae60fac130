"""A fingerprint of a function, by which finished cells of another version of it are recognised."""

import functools
import hashlib
import inspect
import types
from collections.abc import Callable, Iterator

import jax
import numpy as np


def fingerprint(function: Callable[..., object]) -> str:
    """16 hexadecimal digits of the source of a function and of what it refers to: variables around it, defaults, and
    global numbers, texts, arrays and functions of the same module, whose source counts in turn.

    Of other objects the leaves that are arrays or numbers count, and the name of the type; what is in a list, a
    dictionary or a set does not, since the function may change it. A function without Python
    source counts by its compiled code.
    """
    digest = hashlib.sha256()
    for part in _parts(function, set()):
        digest.update(part)
    return digest.hexdigest()[:16]


def _parts(value: object, seen: set[int]) -> Iterator[bytes]:
    if id(value) in seen:
        return
    if isinstance(value, functools.partial):
        yield from _each([value.func, *value.args, *value.keywords.items()], seen)
    elif isinstance(value, types.FunctionType):
        seen.add(id(value))
        yield from _function(value, seen)
    elif isinstance(value, (types.ModuleType, type, types.BuiltinFunctionType)):
        yield value.__name__.encode()
    elif isinstance(value, (list, dict, set)):  # a log that the function itself fills, perhaps
        yield type(value).__name__.encode()
    else:
        yield from _leaves(value, seen)


def _function(function: types.FunctionType, seen: set[int]) -> Iterator[bytes]:
    function = inspect.unwrap(function)
    code = function.__code__
    try:
        yield inspect.getsource(function).encode()
    except (OSError, TypeError):
        yield code.co_code + repr(code.co_consts).encode()
    cells = [cell.cell_contents for cell in function.__closure__ or () if cell.cell_contents is not function]
    own = [function.__globals__[name] for name in code.co_names if name in function.__globals__]
    near = [value for value in own if getattr(value, "__module__", None) in (None, function.__module__)]
    plain = [value for value in own if isinstance(value, (int, float, str, bytes, tuple, np.ndarray, jax.Array))]
    yield from _each([*cells, *near, *plain, function.__defaults__, *(function.__kwdefaults__ or {}).items()], seen)


def _leaves(value: object, seen: set[int]) -> Iterator[bytes]:
    for leaf in jax.tree.leaves(value):
        if isinstance(leaf, (np.ndarray, np.generic, jax.Array)) and not jax.numpy.issubdtype(
            leaf.dtype, jax.dtypes.prng_key
        ):
            array = np.asarray(leaf)
            yield f"{array.dtype}{array.shape}".encode() + array.tobytes()
        elif isinstance(leaf, (int, float, complex, str, bytes)):
            yield repr(leaf).encode()
        elif isinstance(leaf, types.FunctionType):
            yield from _parts(leaf, seen)
        else:
            yield type(leaf).__qualname__.encode()


def _each(values: list, seen: set[int]) -> Iterator[bytes]:
    for value in values:
        yield b"\0"
        yield from _parts(value, seen)
