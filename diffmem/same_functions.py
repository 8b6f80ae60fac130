"""Observers of the same text are the same observer: running a notebook cell again compiles nothing."""

import dis
import sys
import sysconfig
import types
from collections import OrderedDict
from collections.abc import Callable, MutableMapping, MutableSequence, MutableSet
from typing import Any

import equinox as eqx
import jax
import numpy as np

MOST = 64  # observers that are remembered
# by which a function may ask for anything
UNSEEN = {"globals", "locals", "vars", "eval", "exec", "compile", "__import__", "import_module", "reload", "_getframe"}
UNSEEN |= {"open", "getenv", "environ", "load", "loadtxt", "genfromtxt", "fromfile", "memmap", "read_text"}
UNSEEN |= {"read_bytes", "modules", "input", "now", "today", "default_rng", "SystemRandom", "RandomState"}
CHANGING = {"time", "secrets", "uuid", "posix", "nt", "io", "_io"}  # modules that answer otherwise each time
MUTABLE = MutableMapping, MutableSequence, MutableSet, np.ndarray
INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})

_known: OrderedDict[Any, Callable] = OrderedDict()


def known(observe: Callable | None) -> Callable | None:
    """The function of the same code that was seen before, if all that it refers to is the same; else `observe` itself.

    The same means: equal numbers and strings, the same JAX array, which cannot change, an `equinox.Module` of such
    leaves, the same installed module or class, and functions of which all this holds. What refers to anything else,
    such as a list, a NumPy array, an attribute of a function, the state of an installed module (`np.random`,
    `os.environ`), a file, or a module of the user's own that may have changed meanwhile, is never taken for what was
    seen before. A function that was seen with other values of its variables becomes another one, since what was
    compiled holds the former values.
    """
    signature = _signature(observe, {}) if isinstance(observe, types.FunctionType) else None
    if signature is None:
        return observe
    if signature not in _known:
        _known[signature] = _copy(observe) if any(observe is one for one in _known.values()) else observe
    found = _known[signature]
    _known.move_to_end(signature)
    if len(_known) > MOST:
        _known.popitem(last=False)
    return found


def _copy(function: types.FunctionType) -> types.FunctionType:
    """Another function object of the same code and variables."""
    parts = function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    copy = types.FunctionType(*parts)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


class _Same:
    """An object that equals itself only; it is kept alive, so that no other one takes its place in memory."""

    def __init__(self, value):
        self.value = value

    def __hash__(self):
        return id(self.value)

    def __eq__(self, other):
        return isinstance(other, _Same) and self.value is other.value


def _signature(function: types.FunctionType, seen: dict) -> tuple | None:
    """What a function does and refers to; None where that may change. `seen` numbers the functions on the way."""
    if function in seen:
        return "visited", seen[function]
    seen[function] = len(seen)
    code = function.__code__
    try:
        values = [cell.cell_contents for cell in function.__closure__ or ()]
    except ValueError:  # a variable that has no value yet
        return None
    asked = names_of(code)
    if asked & UNSEEN or not all(is_installed(sys.modules[name]) for name in asked & sys.modules.keys()):
        return None
    if vars(function).keys() - {"__wrapped__"}:  # attributes, which may be set anew
        return None
    names = sorted(asked & function.__globals__.keys())
    values += [function.__globals__[name] for name in names]
    values += [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values(), *vars(function).values()]
    if any(_changes(value, asked) for value in values + [sys.modules.get(name) for name in _imported(code)]):
        return None
    parts = _values(values, seen)
    return None if parts is None else (text_of(code), tuple(names), *parts)


def _changes(value, asked: set[str], passed: frozenset = frozenset()) -> bool:
    """Whether an attribute of a module, or of a module in it, may have changed that bears one of these names."""
    if not isinstance(value, types.ModuleType):
        return isinstance(value, (types.BuiltinFunctionType, types.MethodType, *MUTABLE)) and not _is_fixed(value)
    inside = [vars(value)[name] for name in sorted(asked & vars(value).keys())]
    passed |= {value.__name__}  # modules may hold one another
    further = [one for one in inside if not isinstance(one, types.ModuleType) or one.__name__ not in passed]
    return value.__name__ in CHANGING or any(_changes(one, asked, passed) for one in further)


def _is_fixed(value) -> bool:
    """Whether it is a builtin function that belongs to no object and no module that may change."""
    if not isinstance(value, types.BuiltinFunctionType) or value.__name__ in UNSEEN:
        return False
    home = value.__self__
    return home is None or (isinstance(home, types.ModuleType) and home.__name__ not in CHANGING)


def _values(values, seen: dict) -> list | None:
    """Keys that are equal for equal values; None where one may change."""
    parts = [_value(value, seen) for value in values]
    return None if None in parts else parts


def _value(value, seen: dict) -> Any:
    if value is None or type(value) in (bool, int, float, complex, str, bytes) or isinstance(value, np.generic):
        return type(value), repr(value)
    if isinstance(value, tuple):
        parts = _values(value, seen)
        return None if parts is None else (type(value), *parts)
    if isinstance(value, types.FunctionType):
        return None if value.__name__ in UNSEEN else _signature(value, seen)
    if isinstance(value, eqx.Module):
        return _module(value, seen)
    if isinstance(value, jax.core.Tracer):
        return None
    lasting = isinstance(value, (jax.Array, np.dtype)) or _is_fixed(value)
    return _Same(value) if lasting or is_installed(value) or is_part(value) else None


def _module(value: eqx.Module, seen: dict) -> tuple | None:
    """The structure of a module and its leaves, each module inside by itself; None where one may change."""
    inside = lambda part: part is not value and isinstance(part, eqx.Module)  # noqa: E731
    leaves, structure = jax.tree.flatten(value, is_leaf=inside)
    functions = [one for one in vars(value).values() if isinstance(one, types.FunctionType)]  # also static ones
    parts = _values([*leaves, *functions], seen)
    try:
        return None if hash(structure) is None or parts is None else (structure, *parts)
    except TypeError:  # a list or an array that is no leaf
        return None


def is_part(value) -> bool:
    """Whether it is a class or function of an installed module: those of a notebook may hold settings that change."""
    name, home = getattr(value, "__name__", None), sys.modules.get(getattr(value, "__module__", None) or "")
    if not callable(value) or not isinstance(name, str) or not is_installed(home):
        return False
    return getattr(home, name, None) is value and name not in UNSEEN and home.__name__ not in CHANGING


def is_installed(value) -> bool:
    """Whether it is a module of Python, of an installed package or of this one: others are edited and loaded again."""
    if not isinstance(value, types.ModuleType):
        return False
    file = getattr(value, "__file__", None)
    ours = value.__name__.partition(".")[0] == __name__.partition(".")[0]
    return ours or (value.__name__ in sys.builtin_module_names if file is None else file.startswith(INSTALLED))


def text_of(code: types.CodeType) -> tuple:
    """What a code object does, without where it stands."""
    constants = tuple(_constant(one) for one in code.co_consts)
    return code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_flags


def _constant(value) -> tuple:
    if isinstance(value, types.CodeType):
        return text_of(value)
    # the order of a set is another one in every process
    return type(value), tuple(sorted(map(repr, value))) if isinstance(value, frozenset) else repr(value)


def names_of(code: types.CodeType) -> set[str]:
    """The global names that a code object and those inside it may ask for."""
    return set(code.co_names).union(*(names_of(one) for one in code.co_consts if isinstance(one, types.CodeType)))


def _imported(code: types.CodeType) -> set[str]:
    """The modules that a code object and those inside it import."""
    own = {one.argval for one in dis.get_instructions(code) if one.opname == "IMPORT_NAME"}
    return own.union(*(_imported(one) for one in code.co_consts if isinstance(one, types.CodeType)))
