"""`diffmem papers`: papers on memorization, their claims checked."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .arguments import check_folder

if TYPE_CHECKING:
    from ..papers import Paper
    from ..papers.record import Record

DEFAULT_OUT = Path("papers")
FAILED = 1  # exit code: a paper could not be run to its end, or with --strict a claim is missed

papers = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Papers on memorization: what they claim, computed again, claim by claim.",
)


@papers.command("list")
def list_papers() -> None:
    """Which papers there are: name, title, arXiv number, how many claims at either scale."""
    from rich import box
    from rich.table import Table

    from ..papers import paper, slugs

    rows = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for name in ("paper", "arXiv", "claims", "smoke"):
        rows.add_column(name, no_wrap=True, justify="right" if name in ("claims", "smoke") else "left")
    rows.add_column("title")
    for slug in slugs():
        found = paper(slug)
        smoke, full = (str(len(found.claims_at(scale))) for scale in ("smoke", "full"))
        rows.add_row(slug, found.arxiv, full, smoke, found.title)
    _console().print(rows)


@papers.command()
def run(
    slugs: Annotated[
        list[str] | None, typer.Argument(metavar="SLUG...", help="Papers by name; all by default.")
    ] = None,
    scale: Annotated[
        str, typer.Option(help="full: at most two minutes a paper; smoke: seconds, fewer claims.")
    ] = "full",
    seed: Annotated[int, typer.Option(help="The same seed gives the same numbers.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for the results, one folder in it for each paper.")] = DEFAULT_OUT,
    fresh: Annotated[bool, typer.Option("--fresh", help="Compute again what the folder holds.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 when a claim is missed.")] = False,
) -> None:
    """Compute papers and check their claims, whose intervals were fixed beforehand.

    For each paper the folder --out/SLUG gets

    \b
    measurements.json  each claim: expected, accepted interval, measured, met or not
    curves.nc          all that the figure shows, an xarray dataset
    figure.png         the figure

    Papers that the folder holds with the same scale, seed and version are not
    computed again, so a run after Ctrl-C goes on.

    \b
    Examples:
      diffmem papers run biroli2024
      diffmem papers run --scale smoke --out smoke
      diffmem papers run baptista2025 shah2025 --seed 7 --out seed7 --strict
    """
    from ..papers import paper
    from ..papers import slugs as every

    check_folder(out)
    chosen = [paper(slug) for slug in dict.fromkeys(slugs or every())]
    _check_settings(chosen, out, scale, seed, fresh)
    failures, missed = [], 0
    try:
        for position, found in enumerate(chosen):
            try:
                record = _one(found, f"[{position + 1}/{len(chosen)}]", out, scale, seed, fresh)
            except Exception as fault:
                failures.append(found.slug)
                print(f"{found.slug} failed: {type(fault).__name__}: {fault}", file=sys.stderr)
                continue
            missed += _verdicts(record)
    except KeyboardInterrupt:
        print(f"Interrupted: finished papers are in {out}; run the same command to go on.", file=sys.stderr)
        raise
    if failures or (strict and missed):
        raise typer.Exit(FAILED)


@papers.command()
def report(
    folders: Annotated[list[Path] | None, typer.Argument(help="Folders of runs, such as one for each seed.")] = None,
    into: Annotated[Path | None, typer.Option(help="A file in which the table between its marks is replaced.")] = None,
) -> None:
    """Print the table of what was measured, in Markdown: paper, claim, accepted interval, measured, met or missed.

    \b
    Examples:
      diffmem papers report
      diffmem papers report seed0 seed1 --into README.md
    """
    from ..papers import as_table
    from ..papers.report import records_in, replaced, summary

    found = records_in(folders or [DEFAULT_OUT])
    if into is None:
        print(as_table(found))
        print(summary(found))
        return
    into.write_text(replaced(into.read_text(), found))
    print(f"wrote {into}")


def _check_settings(chosen: "list[Paper]", out: Path, scale: str, seed: int, fresh: bool) -> None:
    """Refuse, before any work, what would be refused or overwritten later."""
    from ..papers import SCALES, read_record
    from ..studies.seeds import check_seed

    if scale not in SCALES:
        raise ValueError(f"`--scale` must be one of {', '.join(SCALES)}, but is {scale!r}.")
    check_seed(seed)
    for found in chosen:
        check_folder(out / found.slug)
        record = None if fresh else read_record(out / found.slug)
        if record is not None and (record["scale"], record["seed"]) != (scale, seed):
            raise ValueError(
                f"`--out` must hold runs of the same settings, but {out / found.slug} is of scale {record['scale']} "
                f"and seed {record['seed']}: choose another folder (--out) or replace it (--fresh)."
            )


def _one(found: "Paper", place: str, out: Path, scale: str, seed: int, fresh: bool) -> "Record":
    """The record of a paper, kept or computed."""
    from ..papers import read_record, run_paper
    from ..papers.record import is_current

    kept = None if fresh else read_record(out / found.slug)
    if kept is not None and is_current(kept, found, scale, seed):
        print(f"{place} {found.slug}: kept from an earlier run", file=sys.stderr)
        return kept
    start = time.perf_counter()
    with _busy(f"{place} {found.slug}: {found.title}"):
        record = run_paper(found, out / found.slug, scale, seed)
    print(f"{place} {found.slug}: {time.perf_counter() - start:.0f} s, wrote {out / found.slug}", file=sys.stderr)
    return record


def _verdicts(record: "Record") -> int:
    """Print a line for each claim; how many are missed."""
    from ..papers.report import interval, measured

    for line in record["claims"]:
        verdict = "met   " if line["met"] else "MISSED"
        accepted = interval(line["low"], line["high"])
        print(f"  {verdict} {line['key']}: {measured(line)}, accepted {accepted}: {line['statement']}")
    return sum(not line["met"] for line in record["claims"])


@contextmanager
def _busy(text: str) -> Iterator[None]:
    """A spinner with the seconds gone on a terminal, a line elsewhere; on standard error."""
    if not sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)
        yield
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False)
    with Progress(*columns, console=_console(stderr=True), transient=True) as bar:
        bar.add_task(text, total=None)
        yield


def _console(stderr: bool = False):
    from rich.console import Console

    return Console(stderr=stderr)
