"""How time, memory and error are measured: contenders alternate in one process, and sleep until no thread spins."""

import contextlib
import gc
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from book import Book

REPEATS = 5
PAUSE = 0.1  # seconds before each timed call, in which the idle threads of the other runtimes go to sleep
SHORT = 1.0  # seconds of a first call up to which an untimed one goes before each timed one
LONG = 15.0  # seconds of a first call from which only two more are made
VERY_LONG = 25.0  # and none: the first one counts


class Ready(NamedTuple):
    """Something to time."""

    call: Callable[[], Any]
    compile_seconds: float | None = None
    temporaries: int | None = None
    warming_seconds: float | None = None
    """Of a call that compiled what it needed; what the others take is taken off."""


class Contender(NamedTuple):
    """A way to the same answer; `build` prepares it, untimed, and returns the call that is timed, or a `Ready`.

    `share` is the part of the work that a call does: its time is divided by it. `again` calls run inside a timed one.
    `error` is that of its result where it is known beforehand.
    """

    name: str
    build: Callable[[], Any]
    share: float = 1.0
    again: int = 1
    note: str = ""
    error: float | None = None


def compiled(function: Callable, *arguments) -> Ready:
    """`function` of JAX arguments, lowered and compiled ahead, with what that took and the temporaries XLA plans."""
    return compiled_for(function, *arguments)()


def compiled_for(function: Callable, *arguments) -> Callable[..., Ready]:
    """The same for other arguments of the same shapes: those given replace the first ones."""
    start = time.perf_counter()
    executable = jax.jit(function).lower(*arguments).compile()
    seconds = time.perf_counter() - start
    planned = getattr(executable.memory_analysis(), "temp_size_in_bytes", None)

    def ready(*given) -> Ready:
        return Ready(lambda: executable(*given, *arguments[len(given) :]), seconds, planned)

    return ready


def warmed(call: Callable[[], Any]) -> Ready:
    """A call that compiles what it needs when it is first made, and has been made."""
    return Ready(call, warming_seconds=seconds_of(call))


def seconds_of(call: Callable[[], Any]) -> float:
    """One timed call, its results ready."""
    start = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - start


def race(
    book: Book,
    case: str,
    contenders: list[Contender],
    *,
    ours: str | None = None,
    limit: tuple[str, ...] = (),
    error: Callable[[Any], float] | None = None,
    repeats: int = REPEATS,
) -> dict[str, float]:
    """Median seconds of each contender, and a row of the book for each; one that fails leaves its reason there.

    First each is built and called once, for its memory and error; then all are called in turn, `repeats` times.
    `limit` names the contenders of which the faster is the machine's limit, `ours` the one that rivals are set against.
    """
    ready, rows = {}, {}
    for contender in contenders:
        try:
            made = contender.build()
            made = made if isinstance(made, Ready) else Ready(made)
            first, memory, result = first_of(made.call)
            found = contender.error
            if error is not None and contender.name not in limit:
                found = error(result)
            del result
        except Exception as fault:
            book.row(case, contender.name, failure=reason(fault))
            continue
        ready[contender.name] = contender, made, first
        rows[contender.name] = {
            "compile_seconds": made.compile_seconds,
            "temporary_bytes": made.temporaries,
            "memory_bytes": memory,
            "error": found,
            "note": contender.note,
        }
    seconds = alternate(ready, repeats)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    fastest = min((medians[name] for name in limit if name in medians), default=None)
    for name, values in seconds.items():
        median, warming = medians[name], ready[name][1].warming_seconds
        if warming is not None:
            rows[name]["compile_seconds"] = max(warming - median, 0.0)
        ratios = {
            "limit_ratio": None if fastest is None else median / fastest,
            "ours_ratio": None if ours not in medians else median / medians[ours],
        }
        book.row(case, name, seconds=values, **ratios, **rows[name])
    return medians


def alternate(ready: dict, repeats: int) -> dict[str, list[float]]:
    """Seconds of every call: all in turn, again and again; a very long one counts with its first call."""
    seconds = {name: [first / contender.share] for name, (contender, _, first) in ready.items() if first > VERY_LONG}
    for turn in range(repeats):
        for name, (contender, made, first) in ready.items():
            if first > VERY_LONG or (first > LONG and turn >= 2):
                continue
            time.sleep(PAUSE)
            if first < SHORT:
                # its own threads sleep too, and waking them is not its work: samplers make call after call
                jax.block_until_ready(made.call())
            start = time.perf_counter()
            for _ in range(contender.again):
                jax.block_until_ready(made.call())
            took = (time.perf_counter() - start) / contender.again
            seconds.setdefault(name, []).append(took / contender.share)
    return seconds


def first_of(call: Callable[[], Any]) -> tuple[float, int, Any]:
    """Seconds and result of a call, and by how many bytes the resident memory of the process rose meanwhile."""
    gc.collect()
    before = reset_peak()
    start = time.perf_counter()
    result = jax.block_until_ready(call())
    seconds = time.perf_counter() - start
    return seconds, max(peak_memory() - before, 0), result


def reset_peak() -> int:
    """Make the present the peak of resident memory, where the kernel can (Linux); the peak in bytes."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return peak_memory()


def peak_memory() -> int:
    """Peak resident memory in bytes; of the process so far where it cannot be reset."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def reason(fault: BaseException) -> str:
    """One line for the table."""
    if isinstance(fault, ModuleNotFoundError):
        return f"not installed ({fault.name})"
    lines = str(fault).strip().splitlines()
    return f"{type(fault).__name__}: {lines[0][:160] if lines else ''}"


def copy_bandwidth() -> float:
    """Bytes read and written per second by a large copy, the best of five."""
    source = np.ones(1 << 26, np.float32)
    target = np.empty_like(source)
    return 2 * source.nbytes / min(seconds_of(lambda: np.copyto(target, source)) for _ in range(REPEATS))
