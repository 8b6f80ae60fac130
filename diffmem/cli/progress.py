"""How far a study is, on standard error: a bar on a terminal, a line for each stage elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def shown_progress() -> Iterator[Callable[[int, int, str], None]]:
    """A function `(done, total, stage)` that shows it."""
    if not sys.stderr.isatty():
        yield _print
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("loading", total=None)
        yield lambda done, total, stage: bar.update(task, completed=done, total=total, description=stage)


def _print(done: int, total: int, stage: str) -> None:
    print(f"[{done}/{total}] {stage}", file=sys.stderr, flush=True)
