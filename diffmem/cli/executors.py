"""Executors for the cells of a study: this process, processes on this machine, or a Dask cluster."""

import asyncio
import importlib.util
import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T")

PATIENCE = 5  # seconds to wait for the answer of a scheduler
MUSTER = 20  # seconds to wait for its workers
# numbers of threads of XLA's CPU backend, OpenMP and the linear algebra of NumPy, which read them when loaded
THREADS = ("NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class WorkerDied(RuntimeError):
    """A worker process ended without an answer."""


def check_workers(workers: int | None, dask: str | None) -> None:
    """Raise ValueError for less than one worker, and for both kinds at once."""
    if workers is not None and dask is not None:
        raise ValueError("`--workers` must not be used together with `--dask`, but both are given.")
    if workers is not None and workers < 1:
        raise ValueError(f"`--workers` must be at least 1, but is {workers}.")


def executor_of(workers: int | None, dask: str | None) -> AbstractContextManager[Executor | None]:
    """The executor that the options name, None for this process; at the end of the block its workers are stopped.

    Raises ImportError where `distributed` is missing, ValueError where the scheduler does not answer, and WorkerDied.
    """
    if dask is not None:
        return _cluster(dask)
    return nullcontext() if workers is None else _processes(workers)


@contextmanager
def _processes(workers: int) -> Iterator[Executor]:
    """Spawned processes, since JAX hangs in forked ones; they share the cores, and end with this process."""
    others = multiprocessing.active_children()
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(max(1, _cores() // workers),),
    )
    try:
        yield pool
    except BaseException as error:
        # a cell can take minutes: after Ctrl-C it is not finished
        for child in multiprocessing.active_children():
            if child not in others:
                child.terminate()
        if isinstance(error, BrokenExecutor):
            raise WorkerDied("A worker process died, perhaps for want of memory") from error
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _begin(threads: int) -> None:
    """Set up a worker, before any numerical library is loaded."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; the first one answers
    os.environ.update(dict.fromkeys(THREADS, str(threads)))
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def _cluster(address: str) -> Iterator[Executor]:
    try:
        from distributed import Client, KilledWorker
    except ImportError as error:
        raise ImportError('`--dask` needs the package distributed: `pip install "diffmem[dask]"`.') from error
    try:
        # a client would go on trying to reach an address that answers nothing, or something else
        asyncio.run(asyncio.wait_for(_greet(address), PATIENCE))
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except Exception as error:  # no answer; not an address; an answer that is none of Dask, read as a huge message
        raise ValueError(
            f"`--dask` must be the address of a Dask scheduler, such as tcp://host:8786, but {address!r} does not "
            f"answer within {PATIENCE} seconds."
        ) from error
    with client:
        _check_cluster(client, address)
        try:
            yield client.get_executor()
        except (KilledWorker, CancelledError) as error:  # workers died; the scheduler died
            raise WorkerDied("The Dask cluster gave a cell up, perhaps for want of memory") from error


async def _greet(address: str) -> None:
    from distributed.comm.core import connect

    (await connect(address, timeout=PATIENCE)).abort()


def _check_cluster(client: "Client", address: str) -> None:
    """Raise ValueError unless workers are there within some seconds, and all of them have this package."""
    needed = "`--dask` must be a scheduler whose workers have diffmem"
    try:
        client.wait_for_workers(1, timeout=MUSTER)
    except (OSError, TimeoutError) as error:
        raise ValueError(
            f"{needed}, but {address} has 0 workers connected after {MUSTER} seconds: start some with "
            f"`dask worker {address}`."
        ) from error
    try:
        # a module of the standard library, which every worker can load, looks for ours
        found = _within(MUSTER, lambda: client.run(importlib.util.find_spec, "diffmem", on_error="return"))
    except TimeoutError as error:
        raise ValueError(f"{needed}, but those of {address} do not answer within {MUSTER} seconds.") from error
    lacking = [worker for worker, spec in found.items() if type(spec).__name__ != "ModuleSpec"]
    if lacking:
        raise ValueError(f"{needed}, but {len(lacking)} of {len(found)} lack it, first {lacking[0]}.")


def _within(seconds: float, call: Callable[[], T]) -> T:
    """What the call returns or raises; TimeoutError where it takes longer, in a thread that ends with this process."""
    answer: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answer.put((call(), None))
        except BaseException as error:
            answer.put((None, error))

    threading.Thread(target=ask, daemon=True).start()
    try:
        value, error = answer.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return cast("T", value)
