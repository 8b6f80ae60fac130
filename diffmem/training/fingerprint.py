"""What tells one training from another: the bits of its arrays, and the program of one of its steps."""

import functools
import hashlib
import os
import re
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import numpy as np

from ..same_functions import is_installed, is_part, names_of, text_of
from ..tensors import read_tensor

ADDRESS = re.compile(r" at 0x\w+")  # of an object, another one in every process
REFUSALS = "equinox._errors"  # whose functions only raise an error
PLAIN = bool, int, float, complex, str, bytes, np.generic, np.dtype, type(None), type(Ellipsis), slice, range


def digest_of(arrays: Any) -> str:
    """Digest of all arrays in a tree, to the last bit."""
    found = hashlib.sha256()
    for leaf in jax.tree.leaves(arrays):
        found.update(_bytes(leaf))
    return found.hexdigest()


def program_of(function: Callable[..., Any], *arguments: Any) -> str:
    """Digest of what a function computes for arguments of these shapes: its operations and all their constants, also
    those inside of `jax.jit`, loops and branches.

    Equal in all processes with one version of JAX. A learning rate, an activation or a schedule changes it, a name does
    not. A function that is called on the host counts by its code and by what it refers to, as far as that consists of
    numbers, texts, arrays, containers, and Python functions and objects of these, or belongs to an installed package.
    Where it refers to anything else, such as an open file or a module of the user's own, the digest equals no other,
    not even that of the same function: a checkpoint is then not taken up. Cost: one tracing.
    """
    with jax.numpy_dtype_promotion("standard"):  # optimisers mix integers and numbers
        traced = eqx.filter_make_jaxpr(function)(*arguments)[0]
    found = hashlib.sha256(ADDRESS.sub("", str(traced)).encode())
    for part in _constants(traced, (type(traced), type(traced.jaxpr)), set()):
        found.update(part)
    return found.hexdigest()


def _bytes(array: Any) -> bytes:
    keys = isinstance(array, jax.Array) and jax.numpy.issubdtype(array.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(array) if keys else array).tobytes()


def _constants(program: Any, kinds: tuple[type, type], seen: set[int]) -> Iterator[bytes]:
    """The constants of a program, of those inside it, and of the functions of the host that it calls; `kinds` are the
    types of programs with and without constants.
    """
    if id(program) in seen:
        return
    seen.add(id(program))
    if isinstance(program, kinds[0]):
        yield from map(_bytes, program.consts)
        program = program.jaxpr
    for equation in program.eqns:
        if equation.primitive.name.startswith("debug_"):  # which only shows something
            continue
        for inner in jax.tree.leaves(equation.params):
            if isinstance(inner, kinds):
                yield from _constants(inner, kinds, seen)
        if "callback" in equation.params:
            called = equation.params["callback"]
            yield from _read(getattr(called, "callback_func", called))


def _read(function: Any) -> Iterator[bytes]:
    """What a function on the host is; random bytes where what it refers to cannot be read without an error."""
    try:
        yield from list(_told(function, {}))
    except Exception:  # of any kind: the objects are those of others, and the training itself needs none of this
        yield os.urandom(16)


def _told(value: Any, seen: dict[int, Any]) -> Iterator[bytes]:
    """What an object on the host is, as far as it can be read; else random bytes."""
    if id(value) in seen:
        yield f"seen {list(seen).index(id(value))}".encode()
        return
    if isinstance(value, getattr(sys.modules.get("torch"), "Tensor", ())):
        value = read_tensor(value)
    yield type(value).__qualname__.encode()
    if isinstance(value, PLAIN):
        yield repr(value).encode() + b"\0"
    elif isinstance(value, jax.core.Tracer):
        yield str(value.aval).encode()
    elif isinstance(value, jax.Array) or (isinstance(value, np.ndarray) and value.dtype != object):
        yield f"{value.dtype}{value.shape}".encode() + _bytes(value)
    else:
        seen[id(value)] = value  # kept alive, so that no other object takes its place in memory
        yield from _inside(value, seen)


def _inside(value: Any, seen: dict[int, Any]) -> Iterator[bytes]:
    if isinstance(value, (types.ModuleType, jax.tree_util.PyTreeDef)):
        yield str(value).encode() if not isinstance(value, types.ModuleType) or is_installed(value) else os.urandom(16)
    elif isinstance(value, types.FunctionType):
        yield from _function(value, seen)
    elif isinstance(value, types.MethodType):
        yield from _each((value.__func__, value.__self__), seen)
    elif isinstance(value, functools.partial):
        yield from _each((value.func, value.args, value.keywords), seen)
    elif isinstance(value, types.BuiltinFunctionType):
        yield value.__name__.encode()
        yield from _told(value.__self__, seen)
    elif is_part(value):
        yield f"{value.__module__}.{value.__name__}".encode()
    elif isinstance(value, type):
        functions = {name: one for name, one in vars(value).items() if isinstance(one, (types.FunctionType, *PLAIN))}
        yield from _each((functions, value.__bases__), seen)
    elif isinstance(value, (set, frozenset)):
        yield from _each(sorted(value, key=repr), seen)
    elif isinstance(value, dict):
        yield from _each([part for item in value.items() for part in item], seen)
    elif isinstance(value, (tuple, list)):
        yield from _each(value, seen)
    else:
        parts = getattr(value, "__dict__", None)
        yield from [os.urandom(16)] if parts is None else _each((type(value), parts), seen)


def _each(values: Any, seen: dict[int, Any]) -> Iterator[bytes]:
    yield str(len(values)).encode() + b"\0"
    for value in values:
        yield from _told(value, seen)


def _function(function: types.FunctionType, seen: dict[int, Any]) -> Iterator[bytes]:
    """Code, variables and attributes; of an installed module not the global ones, which are the same everywhere."""
    yield f"{function.__module__}.{function.__qualname__}".encode()
    if function.__module__ == REFUSALS:
        return
    code = function.__code__
    yield repr(text_of(code)).encode()
    names = sorted(names_of(code) & function.__globals__.keys())
    home = sys.modules.get(function.__module__ or "")
    own = {} if is_installed(home) else {name: function.__globals__[name] for name in names}
    try:
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
    except ValueError:  # a variable that has no value yet
        cells = [object()]
    yield from _each((own, cells, function.__defaults__, function.__kwdefaults__, vars(function)), seen)
