"""What commands print: results on standard output, all else on standard error, and the options that change both."""

import json
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO, TextIOBase, TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..progress import printable
from .executors import WorkerDied

if TYPE_CHECKING:
    from rich.console import RenderableType

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only; files are written as always.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the results as one JSON document.")]


class Stopped(RuntimeError):
    """Work that could not be finished for want of space, of permission or of memory, in one sentence."""


def prepare_streams() -> None:
    """Let no character and no closed stream stop a command: what an encoding lacks is printed as its escape."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the shell; the next file that is opened must not take its place
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def show(text: str) -> None:
    """Print lines to standard output; names in them are only shown, whatever characters they hold."""
    _write(printable(text) + "\n", sys.stdout)


def show_table(table: "RenderableType") -> None:
    """Print a table of rich, with colours on a terminal only; markup in its texts is not markup."""
    from rich.console import Console

    encoding = sys.stdout.encoding or "utf-8"
    drawn = TextIOWrapper(BytesIO(), encoding=encoding, errors="backslashreplace", newline="\n")
    console = Console(file=drawn, force_terminal=sys.stdout.isatty(), markup=False, emoji=False, highlight=False)
    console.print(table)
    drawn.seek(0)
    _write(drawn.read(), sys.stdout)


def show_json(value: Any) -> None:
    """Print one JSON document, in ASCII; what is not finite is null."""
    _write(json.dumps(_finite(value), indent=1, allow_nan=False) + "\n", sys.stdout)


def note(text: str) -> None:
    """Print a line to standard error, if anybody reads it."""
    _write(printable(text) + "\n", sys.stderr)


def _write(text: str, stream: TextIOBase) -> None:
    """Write to a stream; where its reader has gone, this and all that follows is dropped and the work goes on.

    Raises OSError where standard output is a file that cannot be written to its end.
    """
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # also for what is still in the buffer
        if stream is sys.stdout and not isinstance(error, BrokenPipeError):
            raise OSError(error.errno, error.strerror, "standard output") from error


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _finite(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def resumable(cells: Path) -> Iterator[None]:
    """Say where finished cells are when the work in the block is stopped, and raise what ends the command."""
    kept = f"finished cells are in {cells}; run the same command to go on."
    try:
        yield
    except KeyboardInterrupt:
        note(f"Interrupted: {kept}")
        raise
    except WorkerDied as death:
        note(f"{death}: {kept}")
        raise typer.Exit(1) from death
    except (OSError, MemoryError, RuntimeError) as error:
        reason = in_words(error)
        if reason is None:
            raise
        raise Stopped(f"{reason}: {kept}") from error


def in_words(error: BaseException) -> str | None:
    """Why the machine stopped the work, in a few words; None where it did not."""
    text = str(error)
    if isinstance(error, MemoryError) or any(sign in text for sign in ("RESOURCE_EXHAUSTED", "can't start new thread")):
        return "out of memory"
    if not isinstance(error, OSError):
        return None
    reason = (error.strerror or text).rstrip(".")
    reason = reason[:1].lower() + reason[1:]
    return reason if error.filename is None else f"{reason}: {error.filename}"
