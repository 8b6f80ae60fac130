"""A fingerprint of a function or an object, by which finished cells of another version of it are recognised."""

import dataclasses
import dis
import enum
import functools
import hashlib
import importlib.metadata
import inspect
import sys
import types
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import jax
import numpy as np

from ... import __version__

DEPTH = 60  # objects within objects; far below Python's recursion limit
PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...))  # whose repr tells all
LOGS = (list, dict, set, bytearray, deque)
ACCESSORS = (property, staticmethod, classmethod, functools.cached_property)


def fingerprint(value: object) -> str:
    """16 hexadecimal digits of a function or an object and of all that it refers to, equal in every process.

    A function counts by its compiled code (of one version of Python; not by its comments), its defaults, the variables
    around it, the globals that it or a function inside it names, and what it wraps; an object by its class and what is
    in it, a dataclass by its fields, an array by its bytes. What can be imported from an installed package counts by
    its name and the package's version, a module by its name and, of one's own modules, by what the code takes of it.

    What is in a list, a dictionary or a set counts among the arguments of a `functools.partial` and in the fields of a
    dataclass; held by a variable or an attribute of another object, it does not, since the function may fill it while
    it works. An object that cannot be read (a lock, an open file) counts by the name of its type alone.
    """
    home = value
    while isinstance(home, functools.partial):
        home = home.func
    return _Reader(inspect.unwrap(home).__module__ if isinstance(home, types.FunctionType) else None).digest(value)[:16]


class _Reader:
    """Digests of objects; `home` is the module whose functions are read even where its package is installed."""

    def __init__(self, home: str | None):
        self.home = home
        self.above: list[int] = []  # the objects that are being read
        self.known: dict[int, tuple[object, str]] = {}  # with the object, so that its id is not given to another

    def digest(self, value: object, filled: bool = False) -> str:
        """The digest of a value; with `filled`, of a list, dictionary or set the type alone."""
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        if filled and isinstance(value, LOGS):
            return _hashed([kind, "filled"])
        if id(value) in self.above:
            return _hashed(["above", str(len(self.above) - self.above.index(id(value)))])
        if len(self.above) == DEPTH:
            return _hashed([kind, "deep"])
        if id(value) not in self.known:
            self.above.append(id(value))
            try:
                self.known[id(value)] = value, _hashed([kind, *self.parts(value)])
            finally:
                self.above.pop()
        return self.known[id(value)][1]

    def parts(self, value: object) -> Iterable[str | bytes]:
        """What the digest of a value is made of, by its kind."""
        if type(value) in PLAIN:
            return [repr(value)]
        if (name := _import_name(value, self.home)) is not None:
            return [name]
        if isinstance(value, np.ufunc):  # before NumPy 2.2 without a module
            return [value.__name__, np.__version__]
        if isinstance(value, enum.Enum):
            return [f"{type(value).__module__}.{type(value).__qualname__}.{value.name}", self.digest(value.value)]
        if isinstance(value, jax.Array) or type(value) is np.ndarray or isinstance(value, np.generic):
            return self.array(value)
        if type(value) in (list, tuple):
            return map(self.digest, value)
        if type(value) in (set, frozenset):
            return sorted(map(self.digest, value))
        if type(value) is dict:
            return self.pairs(value)
        return self.callable_parts(value)

    def callable_parts(self, value: object) -> Iterable[str | bytes]:
        """Of functions in all their forms, classes and modules; of other objects what they are made of."""
        if isinstance(value, functools.partial):
            return map(self.digest, (value.func, value.args, value.keywords))
        if isinstance(value, types.FunctionType):
            return self.function(value)
        if isinstance(value, types.CodeType):
            return self.code(value)
        if isinstance(value, types.MethodType):
            return map(self.digest, (value.__func__, value.__self__))
        if isinstance(value, types.ModuleType):
            return [value.__name__, _installed(value.__name__) or ""]
        if isinstance(value, type):
            return self.kind(value)
        if isinstance(value, (types.BuiltinFunctionType, types.MethodWrapperType)):
            return [value.__qualname__, self.digest(value.__self__, filled=True)]
        if isinstance(value, ACCESSORS):
            return map(self.digest, _accessed(value))
        if dataclasses.is_dataclass(value):
            fields = {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
            return [self.digest(type(value)), *self.pairs(fields)]
        if callable(value) and inspect.getattr_static(value, "__wrapped__", None) is not None:
            held = _without_dunders(getattr(value, "__dict__", {}))
            return self.pairs(held | {"wrapped": value.__wrapped__}, filled=True)
        return self.made(value)

    def pairs(self, values: dict, filled: bool = False) -> Iterator[str]:
        """Keys and values in order."""
        for key, value in values.items():
            yield self.digest(key)
            yield self.digest(value, filled)

    def array(self, value: np.ndarray | np.generic | jax.Array) -> list[str | bytes]:
        """Data type, shape and bytes; of random keys the implementation and their data."""
        if isinstance(value, jax.Array) and jax.numpy.issubdtype(value.dtype, jax.dtypes.prng_key):
            return [str(value.dtype), *self.array(np.asarray(jax.random.key_data(value)))]
        array = np.asarray(value)
        about = f"{array.dtype}{array.shape}"
        return [about, self.digest(array.tolist()) if array.dtype.hasobject else array.tobytes()]

    def function(self, function: types.FunctionType) -> Iterator[str]:
        """Code, defaults, the variables around it, what it wraps, and the globals that it names."""
        yield self.digest(function.__code__)
        yield self.digest(function.__defaults__, filled=True)
        yield from self.pairs(function.__kwdefaults__ or {}, filled=True)
        for cell in function.__closure__ or ():
            try:
                yield self.digest(cell.cell_contents, filled=True)
            except ValueError:  # nothing there yet
                yield "empty"
        yield self.digest(vars(function).get("__wrapped__"))
        around = function.__globals__
        module = around.get("__name__")
        if module != self.home and _installed(module) is not None:
            return
        for name in sorted(_loaded(function.__code__, ("LOAD_GLOBAL", "LOAD_NAME")) & set(around)):
            yield from self.pairs({name: around[name]}, filled=True)
            if isinstance(around[name], types.ModuleType) and _installed(around[name].__name__) is None:
                inside = vars(around[name])
                taken = sorted(_loaded(function.__code__, ("LOAD_ATTR", "LOAD_METHOD")) & set(inside))
                yield from self.pairs({name: inside[name] for name in taken}, filled=True)

    def code(self, code: types.CodeType) -> Iterator[str | bytes]:
        """What is computed, without the file and the lines in which it is written."""
        yield code.co_code
        yield code.co_exceptiontable
        yield f"{code.co_flags} {code.co_argcount} {code.co_posonlyargcount} {code.co_kwonlyargcount}"
        for part in (code.co_consts, code.co_names, code.co_varnames, code.co_cellvars, code.co_freevars):
            yield self.digest(part)

    def kind(self, kind: type) -> Iterator[str]:
        """The name of a class; of one's own also its bases, methods and values."""
        yield f"{kind.__module__}.{kind.__qualname__} {_installed(kind.__module__) or ''}"
        if _installed(kind.__module__) is None:
            yield from map(self.digest, kind.__bases__)
            yield from self.pairs(dict(sorted(_without_dunders(vars(kind)).items())), filled=True)

    def made(self, value: object) -> Iterator[str]:
        """What `pickle` would make an object from: a maker, its arguments, the attributes and items."""
        try:
            found = value.__reduce_ex__(2)
        except Exception:  # whatever an object raises that cannot be pickled
            found = (type(value), (), vars(value) if isinstance(getattr(value, "__dict__", None), dict) else None)
        if isinstance(found, str):
            yield found
            return
        maker, arguments, state, *items = (*found, None)[: max(3, len(found))]
        yield from map(self.digest, (maker, arguments))
        own = _installed(type(value).__module__) is None
        for part in state if isinstance(state, tuple) else (state,):  # attributes, or both they and slots
            if isinstance(part, dict):
                kept = {name: held for name, held in part.items() if not _computed_once(type(value), name)}
                yield from self.pairs(kept, filled=own)
            else:
                yield self.digest(part)
        for part in items[:2]:
            yield self.digest(None if part is None else list(part))


def _hashed(parts: Iterable[str | bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode(errors="surrogatepass") if isinstance(part, str) else part
        digest.update(f"{len(data)}:".encode() + data)  # the length keeps 1, 23 and 12, 3 apart
    return digest.hexdigest()


def _loaded(code: types.CodeType, operations: tuple[str, ...]) -> set[str]:
    """The names that these operations load in the code or in that of a function inside it."""
    found = {step.argval for step in dis.get_instructions(code) if step.opname in operations}
    inside = [_loaded(part, operations) for part in code.co_consts if isinstance(part, types.CodeType)]
    return found.union(*inside)


def _without_dunders(values: Mapping[str, object]) -> dict[str, object]:
    """Methods such as `__call__` stay; what Python keeps under such names about a class does not."""
    return {
        name: value
        for name, value in values.items()
        if not name.startswith("__") or isinstance(value, (types.FunctionType, *ACCESSORS))
    }


def _accessed(value: property | staticmethod | classmethod | functools.cached_property) -> tuple[object, ...]:
    if isinstance(value, property):
        return value.fget, value.fset
    return (value.func if isinstance(value, functools.cached_property) else value.__func__,)


def _computed_once(kind: type, name: object) -> bool:
    held = inspect.getattr_static(kind, name, None) if isinstance(name, str) else None
    return isinstance(held, functools.cached_property)


def _import_name(value: object, home: str | None) -> str | None:
    """Name and version of what can be imported from an installed package, else None."""
    module = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if not (isinstance(module, str) and isinstance(name, str)) or module == home or _installed(module) is None:
        return None
    found = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return f"{module}.{name} {_installed(module)}" if found is value else None


@functools.lru_cache
def _installed(module: str | None) -> str | None:
    """The version of the package that a module belongs to, empty where it has none; None for one's own modules."""
    top = (module or "").split(".")[0]
    if top == "diffmem":
        return __version__
    if top in sys.stdlib_module_names:
        return ""
    places = [Path(place).parts for place in getattr(sys.modules.get(top), "__path__", ())]
    places.append(Path(getattr(sys.modules.get(top), "__file__", None) or "").parts)
    if not any({"site-packages", "dist-packages"} & set(place) for place in places):
        return None
    try:
        return importlib.metadata.version(top)
    except importlib.metadata.PackageNotFoundError:  # of another name, as PIL
        return getattr(sys.modules[top], "__version__", "")
