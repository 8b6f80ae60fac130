"""Observers of the same text are the same observer: running a notebook cell again compiles nothing."""

import sys
import types
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax

MOST = 64  # observers that are remembered

_known: OrderedDict[Any, Callable] = OrderedDict()


def known(observe: Callable | None) -> Callable | None:
    """The function of the same code that was seen before, if all that it refers to is the same; else `observe` itself.

    The same means: equal numbers and strings, the same JAX array, module, class or `equinox.Module` (which cannot
    change), and functions of which all this holds. What refers to anything else, such as a list that may have changed
    meanwhile, is never taken for what was seen before.
    """
    signature = _signature(observe, {}) if isinstance(observe, types.FunctionType) else None
    if signature is None:
        return observe
    found = _known.setdefault(signature, observe)
    _known.move_to_end(signature)
    if len(_known) > MOST:
        _known.popitem(last=False)
    return found


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
    names = sorted(_names(code) & function.__globals__.keys())
    values += [function.__globals__[name] for name in names]
    values += [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    parts = _values(values, seen)
    return None if parts is None else (_text(code), tuple(names), *parts)


def _values(values, seen: dict) -> list | None:
    """Keys that are equal for equal values; None as soon as one may change."""
    parts = []
    for value in values:
        parts.append(_value(value, seen))
        if parts[-1] is None:
            return None
    return parts


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
    lasting = isinstance(value, (jax.Array, eqx.Module, types.ModuleType, types.BuiltinFunctionType))
    return _Same(value) if lasting or _is_imported(value) else None


def _is_imported(value) -> bool:
    """Whether it is a class of an imported module: those of a notebook may hold settings that change."""
    home = sys.modules.get(getattr(value, "__module__", None) or "")
    return isinstance(value, type) and value.__module__ != "__main__" and getattr(home, value.__name__, None) is value


def _text(code: types.CodeType) -> tuple:
    """What a code object does, without where it stands."""
    constants = tuple(_text(c) if isinstance(c, types.CodeType) else (type(c), repr(c)) for c in code.co_consts)
    return code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_flags


def _names(code: types.CodeType) -> set[str]:
    """The global names that a code object and those inside it may ask for."""
    inner = [_names(c) for c in code.co_consts if isinstance(c, types.CodeType)]
    return set(code.co_names).union(*inner)
