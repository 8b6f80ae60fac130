"""Independent cells of a study, in this process or on any executor, each stored as soon as it is finished."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from itertools import islice
from typing import NamedTuple

import jax
import xarray as xr

from ...progress import Progress
from .store import Store

WINDOW = 1024  # cells submitted and not finished: more than most pools have workers, not too many for a scheduler

Report = Callable[[str], None]
"""`report(stage)`: what a cell does now, in a few words."""


class Cell(NamedTuple):
    """One piece of work: `call(report)` returns its dataset, and pickles where the executor needs that."""

    name: str
    """Name of its file in the store."""
    label: str
    """Name of the cell in messages."""
    call: Callable[[Report], xr.Dataset]
    take: Callable[[xr.Dataset], xr.Dataset | None]
    """The part of the stored cell to use, or None to compute it again; where this fails, the cell is damaged."""


class Outcome(NamedTuple):
    """The result of a cell: its dataset, or the exception that it raised."""

    dataset: xr.Dataset | None
    error: BaseException | None


def run_cells(
    cells: Sequence[Cell], *, kept: Store | None, executor: Executor | None, progress: Progress
) -> list[Outcome]:
    """The outcome of every cell, in order: read where it is stored, else computed and stored.

    An exception in a cell is the outcome of this cell and stops no other; so is the death of a worker, unless the
    executor computes the cell elsewhere. The store is read, and checked for other settings, before any work. At most
    1,024 cells are submitted at a time, each computed with the x64 flag of this process, which alone writes. When it is
    interrupted, pending cells are cancelled and finished ones stored.
    Raises ValueError for an `executor` that is not an Executor, and OSError where the store cannot be written.
    """
    if not isinstance(executor, Executor | None):
        raise ValueError(
            "`executor` must be a concurrent.futures.Executor, such as ProcessPoolExecutor() or, with Dask, "
            f"client.get_executor(), but is a {type(executor).__name__}."
        )
    outcomes = {} if kept is None else _stored(cells, kept)
    waiting = [cell for cell in cells if cell.name not in outcomes]
    if kept is not None and waiting:
        kept.begin()

    def tell(cell: Cell, stage: str) -> None:
        progress(len(outcomes), len(cells), f"{cell.label}: {stage}")

    def finish(cell: Cell, outcome: Outcome) -> None:
        outcomes[cell.name] = outcome = _written(cell, outcome, kept)
        tell(cell, "finished" if outcome.error is None else f"failed, {one_line(outcome.error)}")

    try:
        if executor is None:
            for cell in waiting:
                finish(cell, _computed(cell, tell))
        elif waiting:
            progress(len(outcomes), len(cells), "waiting for workers")
            _spread(waiting, executor, finish)
    finally:
        if kept is not None:
            kept.end()
    progress(len(cells), len(cells), "done")
    return [outcomes[cell.name] for cell in cells]


def one_line(error: BaseException) -> str:
    """The exception's type and text on one line, never empty."""
    return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")


def _stored(cells: Iterable[Cell], kept: Store) -> dict[str, Outcome]:
    kept.check()
    found = ((cell.name, kept.read(cell.name, cell.label, cell.take)) for cell in cells)
    return {name: Outcome(dataset, None) for name, dataset in found if dataset is not None}


def _written(cell: Cell, outcome: Outcome, kept: Store | None) -> Outcome:
    """The outcome, with its dataset stored; a dataset that no file can hold is a failure of its cell.

    Where nothing can be written, for want of space or of permission, every other cell would fail too: it raises.
    """
    if kept is None or outcome.dataset is None:
        return outcome
    try:
        packed = kept.packed(cell.name, outcome.dataset)
    except Exception as error:
        return Outcome(None, error)
    kept.write(cell.name, packed)
    return outcome


def _computed(cell: Cell, tell: Callable[[Cell, str], None]) -> Outcome:
    try:
        return Outcome(cell.call(lambda stage: tell(cell, stage)), None)
    except Exception as error:
        return Outcome(None, error)


def _spread(cells: Iterable[Cell], executor: Executor, finish: Callable[[Cell, Outcome], None]) -> None:
    x64 = jax.config.jax_enable_x64
    queue = iter(cells)
    pending: dict[Future, Cell] = {}
    try:
        while True:
            for cell in islice(queue, WINDOW - len(pending)):
                pending[_submitted(executor, cell, x64)] = cell
            if not pending:
                return
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                finish(pending[future], _arrived(future))
                del pending[future]  # after `finish`, which is called again below where it was interrupted
    finally:
        for future in pending:
            future.cancel()
        for future, cell in pending.items():
            if future.done() and not future.cancelled():
                finish(cell, _arrived(future))


def _submitted(executor: Executor, cell: Cell, x64: bool) -> Future:
    try:
        return executor.submit(_in_worker, cell.call, x64)
    except BrokenExecutor as error:  # a worker died earlier, which failed the cells submitted then
        refused = Future()
        refused.set_exception(error)
        return refused


def _arrived(future: Future) -> Outcome:
    if future.cancelled():
        return Outcome(None, CancelledError("the executor gave the cell up"))
    error = future.exception()
    return Outcome(future.result(), None) if error is None else Outcome(None, error)


def _in_worker(call: Callable[[Report], xr.Dataset], x64: bool) -> xr.Dataset:
    with jax.enable_x64(x64):
        return call(lambda stage: None)
