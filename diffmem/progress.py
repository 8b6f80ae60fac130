"""Progress of long work on standard error: a bar on a terminal, a line for each stage elsewhere."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

Progress = Callable[[int, int, str], None]
"""`progress(done, total, stage)`: how many cells of a study or steps of a training are done, and what is done now."""


def followed(progress: Progress | bool) -> AbstractContextManager[Progress]:
    """The callback that receives progress: `progress` itself, one that shows it for True, or one that ignores it."""
    return shown_progress() if progress is True else nullcontext(progress or (lambda done, total, stage: None))


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """A `progress(done, total, stage)` that shows it on standard error."""
    if not shows_bars():
        yield _print
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False)
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("loading", total=None)
        yield lambda done, total, stage: bar.update(task, completed=done, total=total, description=printable(stage))


def shows_bars() -> bool:
    """Whether standard error is a terminal that can draw a line again."""
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def _print(done: int, total: int, stage: str) -> None:
    with suppress(OSError):  # nobody reads it any more, or its disk is full: the work goes on
        print(f"[{done}/{total}] {printable(stage)}", file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """The text with each character that a terminal would obey as its escape, such as `\\x1b`; line ends stay."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
