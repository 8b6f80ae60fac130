"""A function of named numbers and strings over a grid of them, on any executor, with finished cells saved."""

import functools
import importlib.metadata
import inspect
import os
import re
import reprlib
import warnings
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import Executor

import jax
import numpy as np
import xarray as xr

from ... import __version__
from ...checks import check_callable
from ...progress import Progress, followed
from .axes import Value, checked_axes, file_name, label, product
from .function_version import fingerprint
from .gather import as_dataset, gathered, misfit
from .store import Store
from .workers import Cell, Outcome, Report, one_line, run_cells

REMEDY = "choose another folder"


def sweep(
    function: Callable[..., object],
    grid: Mapping[str, Iterable[object]],
    *,
    store: str | os.PathLike[str] | None,
    executor: Executor | None = None,
    progress: Progress | bool = True,
    any_version: bool = False,
) -> xr.Dataset:
    """`function(**cell)` for every cell of the product of the axes in `grid`, gathered in one dataset over them.

    Example: the powers of two numbers; a folder in place of None keeps each finished one.
        >>> from diffmem import studies
        >>> found = studies.sweep(lambda n, power: n**power, {"n": (2, 3), "power": (1, 2)}, store=None, progress=False)
        >>> print(found.value.sel(n=3).values, found.value.dims)
        [3 9] ('n', 'power')

    `grid` names keyword arguments of `function` and gives each a sequence of numbers or strings. `function` returns a
    real number (gathered as `value`), a mapping of names to numbers or arrays (axis i of an array `curve` becomes the
    dimension `curve_i`), or an xarray.Dataset. Dimensions with coordinates are aligned; those without may differ in
    size, and shorter ones are padded with NaN. A variable must have equal dimensions in all cells.

    **Failures**: a cell that raises an exception is NaN, with the exception in the variable `error` (elsewhere the
    empty string); the others are still computed, and a warning counts the failures. The next call tries them again.

    **Store**: a folder in which each finished cell is saved at once, whole or not at all, in a file of its own that is
    identified by the cell's values (floats to the last bit; 1 and 1.0 differ). The next call reads them, also after
    Ctrl-C, a kill, or under another grid; a damaged file is computed again, with a warning. A folder of another
    function (by its qualified name, with the arguments of a `functools.partial`), or of other versions of its package
    or of diffmem, or of another precision (JAX's x64 flag), is refused. So is that of another version of the function,
    known by a fingerprint of its code and of what it refers to, except what lists, dictionaries and sets around it
    hold, since it may fill them; `any_version` takes those cells, too, for a change that does not matter. None saves
    nothing.

    **Executor**: any concurrent.futures.Executor: threads, processes, `dask.distributed.Client.get_executor()`, MPI or
    Slurm pools, which the caller closes. None computes in this process, which alone writes. Processes must not be
    forked, as JAX hangs in them: `ProcessPoolExecutor(mp_context= multiprocessing.get_context("spawn"))`, in a script
    below `if __name__ == "__main__":`, with a function that can be imported. They compute with the x64 flag of this
    process. Dask gives the cells of a dead worker to others; a process pool ends with its first dead worker, and its
    unfinished cells fail.

    **Randomness**: none is added. Make `seed` an axis and draw from `jax.random.key(seed)` in the function, so that the
    numbers of a cell do not depend on the worker that computed it.

    `progress(done, total, stage)` is called with the state of the work; True shows a bar on a terminal and lines
    elsewhere. Cost beyond the function's: about 10 ms and one small file for each cell, and all results in memory.
    Raises ValueError for a grid without axes or cells, with repeated, mixed or other values, or that does not fit the
    function's arguments; for an `executor` that is not an Executor; and for a store of another function.
    """
    check_callable("function", function, "of the axes of `grid`")
    axes = checked_axes(grid)
    places = product(axes)
    _check_arguments(function, places[0])
    facts = _facts(function) | ({} if any_version else {"version": fingerprint(function)})
    kept = None if store is None else Store(store, facts, pattern="*.nc", remedy=REMEDY)
    cells = [_cell(function, place) for place in places]
    with followed(progress) as report:
        outcomes = run_cells(cells, kept=kept, executor=executor, progress=report)
    return _assembled(cells, outcomes, axes).assign_attrs(facts)


def _cell(function: Callable[..., object], place: dict[str, Value]) -> Cell:
    return Cell(file_name(place), label(place), functools.partial(_compute, function, place), lambda stored: stored)


def _compute(function: Callable[..., object], place: dict[str, Value], report: Report) -> xr.Dataset:
    report("running")
    return as_dataset(function(**place), tuple(place))


def _assembled(cells: Sequence[Cell], outcomes: Sequence[Outcome], axes: Mapping[str, Sequence[Value]]) -> xr.Dataset:
    shapes: dict[Hashable, object] = {}
    found, errors = [], []
    for dataset, error in outcomes:
        if dataset is not None:
            error = misfit(dataset, shapes)
        found.append(dataset if error is None else None)
        errors.append("" if error is None else one_line(error))
    failed = [f"{cell.label}: {error}" for cell, error in zip(cells, errors) if error]
    if failed:
        warnings.warn(
            f"{len(failed)} of {len(cells)} cells failed and are NaN, first {failed[0]} (`error` holds the others).",
            stacklevel=3,
        )
    whole = gathered(found, axes)
    return whole.assign(error=(tuple(axes), np.array(errors).reshape(tuple(map(len, axes.values())))))


def _check_arguments(function: Callable[..., object], place: Mapping[str, Value]) -> None:
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions written in C have no signature
        return
    try:
        signature.bind(**place)
    except TypeError as error:
        raise ValueError(f"`grid` must name the arguments of {_name(function)}, but it has {error}.") from None


def _facts(function: Callable[..., object]) -> dict[str, str | int]:
    package = _name(function).split(".")[0]
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # a script, a notebook
        version = ""
    return {
        "diffmem": __version__,
        "function": _name(function),
        "package": f"{package} {version}".strip(),
        "x64": int(jax.config.jax_enable_x64),
    }


def _name(function: Callable[..., object]) -> str:
    """Module and qualified name, with the arguments that a partial has fixed."""
    if isinstance(function, functools.partial):
        fixed = [reprlib.repr(value) for value in function.args]
        fixed += [f"{name}={reprlib.repr(value)}" for name, value in function.keywords.items()]
        # the address of an object does not identify it in another run
        return re.sub(r" at 0x\w+", "", f"{_name(function.func)}({', '.join(fixed)})")
    inner = inspect.unwrap(function)
    named = inner if inspect.isroutine(inner) or inspect.isclass(inner) else type(inner)
    return f"{named.__module__}.{named.__qualname__}"
