"""The axes of a sweep, and the names of its cells in files and messages, made from their values."""

import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence

import jax
import numpy as np

from ...checks import check_kind

Value = bool | int | float | str
READABLE = 80  # readable characters at the start of a file name; a digest of the values follows


def checked_axes(grid: Mapping[str, Iterable[object]]) -> dict[str, list[Value]]:
    """The values of each axis as Python numbers or strings, in the order given.

    Raises ValueError for no axis, for an axis called `error`, and for one that is not a sequence, is empty, repeats a
    value, or holds NaN or anything but either real numbers or strings.
    """
    check_kind("grid", grid, Mapping, "a dictionary from the name of an argument to its values")
    if not grid:
        raise ValueError("`grid` must name at least one axis, but is empty.")
    if "error" in grid:
        raise ValueError("`grid` must not name an axis `error`, which is a variable of the result, but does.")
    return {name: _checked_values(name, values) for name, values in grid.items()}


def _checked_values(name: str, values: Iterable[object]) -> list[Value]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise ValueError(f"`grid` must give `{name}` a sequence of values, but gives {values!r}.")
    found = [_plain(value) for value in values]
    if not found:
        raise ValueError(f"`grid` must give `{name}` at least one value, but gives none.")
    text = all(isinstance(value, str) for value in found)
    if not text and not all(isinstance(value, bool | int | float) for value in found):
        raise ValueError(f"`grid` must give `{name}` either real numbers or strings, but gives {values!r}.")
    coordinate = np.array(found)
    if coordinate.dtype.kind not in "biufU" or any(value != value for value in found):
        raise ValueError(f"`grid` must give `{name}` numbers that 64 bits hold, and no NaN, but gives {values!r}.")
    if len(np.unique(coordinate)) < len(found):
        raise ValueError(f"`grid` must give `{name}` values that differ, but gives {values!r}.")
    return found


def _plain(value):
    """Scalars of NumPy and JAX as Python numbers."""
    return value.item() if isinstance(value, np.generic | jax.Array) and value.ndim == 0 else value


def product(axes: Mapping[str, Sequence[Value]]) -> list[dict[str, Value]]:
    """All combinations of the values; the last axis changes fastest."""
    return [dict(zip(axes, values)) for values in itertools.product(*axes.values())]


def identity(cell: Mapping[str, Value]) -> str:
    """The cell as JSON, whatever the order of its axes: floats round-trip, and 1, 1.0, "1" and true differ."""
    return json.dumps(cell, sort_keys=True)


def file_name(cell: Mapping[str, Value]) -> str:
    """A readable name that every file system accepts, different for different cells."""
    readable = re.sub(r"[^A-Za-z0-9.=,+-]", "_", ",".join(f"{name}={value}" for name, value in sorted(cell.items())))
    return f"{readable[:READABLE]}-{hashlib.sha256(identity(cell).encode()).hexdigest()[:16]}"


def label(cell: Mapping[str, Value]) -> str:
    """`n = 4, beta = 0.1`."""
    return ", ".join(f"{name} = {value}" for name, value in cell.items())
