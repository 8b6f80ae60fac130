"""How far long work is, on standard error: a bar on a terminal, a line for each stage elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[int, int, str], None]
"""`progress(done, total, what is done now)`, in cells of a study or steps of a training."""


@contextmanager
def followed(progress: Progress | bool) -> Iterator[Progress]:
    """Whom long work tells its news: `progress` itself; for True a bar or lines on standard error, for False nobody."""
    if progress is True:
        with shown_progress() as shown:
            yield shown
    else:
        yield progress or _silent


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """A function `(done, total, stage)` that shows it."""
    if not sys.stderr.isatty():
        yield _print
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False)
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("loading", total=None)
        yield lambda done, total, stage: bar.update(task, completed=done, total=total, description=stage)


def _print(done: int, total: int, stage: str) -> None:
    print(f"[{done}/{total}] {stage}", file=sys.stderr, flush=True)


def _silent(done: int, total: int, stage: str) -> None:
    pass
