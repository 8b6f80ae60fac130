"""The papers that one command computes, one after the other, and what it says of each."""

import errno
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..progress import shows_bars
from .arguments import folder_for
from .output import in_words, note, show

if TYPE_CHECKING:
    from ..papers import Paper, Scale
    from ..papers.base import Settings
    from ..papers.record import Record

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class Job(NamedTuple):
    """One paper to run, with the options of the command."""

    paper: "Paper"
    folder: Path
    scale: "Scale"
    seed: int
    settings: "Settings | None"
    """None: those of the scale."""
    changed: dict[str, Any]


def check_settings(scale: str, seed: int) -> None:
    """Raise ValueError for an unknown scale and an impossible seed."""
    from ..checks import check_seed
    from ..papers import SCALES

    if scale not in SCALES:
        raise ValueError(f"`--scale` must be one of {', '.join(SCALES)}, but is {scale!r}.")
    check_seed(seed)


def job_of(paper: "Paper", out: Path, scale: "Scale", seed: int, texts: list[str]) -> Job:
    """The job; raises ValueError, before any work, for wrong settings and for a folder with a run of other settings."""
    from ..papers.record import check_run
    from ..papers.settings import changed, changes

    settings, differing = None, {}
    if texts:
        original = paper.settings_at(scale)
        settings = changed(original, texts, paper.slug)
        differing = changes(settings, original)
    folder = folder_for(out / paper.slug)
    check_run(folder, scale, seed, differing)
    return Job(paper, folder, scale, seed, settings, differing)


def outcome(job: Job, place: str, resume: bool, quiet: bool) -> dict[str, Any]:
    """The record of a paper, with its folder, or its name and the error that stopped it.

    A disk that takes no file stops the other papers too: OSError.
    """
    try:
        return {**_one(job, place, resume, quiet), "folder": str(job.folder)}
    except Exception as fault:
        if isinstance(fault, OSError) and fault.errno in NO_ROOM:
            raise
        reason = in_words(fault) or f"{type(fault).__name__}: {fault}"
        note(f"{job.paper.slug} failed: {reason}")
        return {"slug": job.paper.slug, "error": reason}


def _one(job: Job, place: str, resume: bool, quiet: bool) -> "Record":
    """The record of a paper, kept or computed."""
    from ..papers import read_record, run_paper
    from ..papers.record import intact, is_current

    paper, folder, scale, seed, settings, differing = job
    kept = read_record(folder) if resume and intact(folder) else None
    if kept is not None and is_current(kept, paper, scale, seed, differing):
        if not quiet:
            note(f"{place} {paper.slug}: kept from an earlier run")
        return kept
    if quiet:
        return run_paper(paper, folder, scale, seed, settings)
    start = time.perf_counter()
    with _busy(f"{place} {paper.slug}: {paper.title}"):
        record = run_paper(paper, folder, scale, seed, settings)
    note(f"{place} {paper.slug}: {time.perf_counter() - start:.0f} s, wrote {folder}")
    return record


def missed(record: "Record") -> int:
    """How many claims are missed."""
    return sum(line["met"] is False for line in record["claims"])


def show_verdicts(record: "Record", paper: "Paper") -> None:
    """Print a line for each measurement."""
    from ..papers.report import interval, measured

    statements = {claim.key: claim.statement for claim in paper.claims}
    for line in record["claims"]:
        statement = statements.get(line["key"], "there is no claim of this name.")
        if line["met"] is None:
            show(f"  {line['key']}: {measured(line)}, not judged: {statement}")
            continue
        verdict = "met   " if line["met"] else "MISSED"
        accepted = interval(line["low"], line["high"])
        show(f"  {verdict} {line['key']}: {measured(line)}, accepted {accepted}: {statement}")


@contextmanager
def _busy(text: str) -> Iterator[None]:
    """Show on standard error that work goes on: a spinner with elapsed seconds on a terminal, a line elsewhere."""
    if not shows_bars():
        note(text)
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        bar.add_task(text, total=None)
        yield
