"""Observers of the same text are the same observer: running a notebook cell again compiles nothing."""

import sys
import sysconfig
import types
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax

MOST = 64  # observers that are remembered
UNSEEN = {"globals", "locals", "vars", "eval", "exec", "__import__"}  # by which a function may ask for anything
INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})

_known: OrderedDict[Any, Callable] = OrderedDict()


def known(observe: Callable | None) -> Callable | None:
    """The function of the same code that was seen before, if all that it refers to is the same; else `observe` itself.

    The same means: equal numbers and strings, the same JAX array or `equinox.Module`, which cannot change, the same
    installed module or class, and functions of which all this holds. What refers to anything else, such as a list or a
    module of the user's own that may have changed meanwhile, is never taken for what was seen before. A function that
    was seen with other values of its variables becomes another one, since what was compiled holds the former values.
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
    asked = _names(code)
    if asked & UNSEEN or not all(_is_installed(sys.modules[name]) for name in asked & sys.modules.keys()):
        return None
    names = sorted(asked & function.__globals__.keys())
    values += [function.__globals__[name] for name in names]
    values += [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    parts = _values(values, seen)
    return None if parts is None else (_text(code), tuple(names), *parts)


def _values(values, seen: dict) -> list | None:
    """Keys that are equal for equal values; None where one may change."""
    parts = [_value(value, seen) for value in values]
    return None if None in parts else parts


def _value(value, seen: dict) -> Any:
    if value is None or type(value) in (bool, int, float, complex, str, bytes):
        return type(value), repr(value)
    if isinstance(value, tuple):
        parts = _values(value, seen)
        return None if parts is None else (type(value), *parts)
    if isinstance(value, types.FunctionType):
        return _signature(value, seen)
    if isinstance(value, jax.core.Tracer):
        return None
    lasting = isinstance(value, (jax.Array, eqx.Module, types.BuiltinFunctionType))
    return _Same(value) if lasting or _is_installed(value) or _is_installed_class(value) else None


def _is_installed_class(value) -> bool:
    """Whether it is a class of an installed module: those of a notebook may hold settings that change."""
    home = sys.modules.get(getattr(value, "__module__", None) or "")
    return isinstance(value, type) and _is_installed(home) and getattr(home, value.__name__, None) is value


def _is_installed(value) -> bool:
    """Whether it is a module of Python, of an installed package or of this one: others are edited and loaded again."""
    if not isinstance(value, types.ModuleType):
        return False
    file = getattr(value, "__file__", None)
    ours = value.__name__.partition(".")[0] == __name__.partition(".")[0]
    return ours or (value.__name__ in sys.builtin_module_names if file is None else file.startswith(INSTALLED))


def _text(code: types.CodeType) -> tuple:
    """What a code object does, without where it stands."""
    constants = tuple(_text(c) if isinstance(c, types.CodeType) else (type(c), repr(c)) for c in code.co_consts)
    return code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_flags


def _names(code: types.CodeType) -> set[str]:
    """The global names that a code object and those inside it may ask for."""
    inner = [_names(c) for c in code.co_consts if isinstance(c, types.CodeType)]
    return set(code.co_names).union(*inner)
