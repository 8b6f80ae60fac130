"""The command `diffmem papers`: compute papers on memorization and check their claims."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from .arguments import check_folder

if TYPE_CHECKING:
    from ..papers import Paper, Scale
    from ..papers.base import Settings
    from ..papers.record import Record

DEFAULT_OUT = Path("papers")
FAILED = 1  # exit code: a paper could not be run to its end, or with --strict a claim is missed

papers = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Papers on memorization: their experiments, computed again, and their claims, checked.",
)


@papers.command("list")
def list_papers() -> None:
    """List the papers: name, arXiv number, numbers of claims at full and smoke scale, title."""
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
    seed: Annotated[int, typer.Option(help="Seed of all random numbers: equal seeds give equal results.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for the results, one folder in it for each paper.")] = DEFAULT_OUT,
    resume: Annotated[bool, typer.Option("--resume", help="Skip papers whose results the folder holds.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 when a claim is missed.")] = False,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Change a setting of the experiment; repeatable."),
    ] = None,
) -> None:
    """Compute papers and check their claims, whose intervals were fixed beforehand.

    For each paper the folder --out/SLUG gets

    \b
    measurements.json  each claim: expected, accepted interval, measured, met or not
    curves.nc          all that the figure shows, an xarray dataset
    figure.png         the figure

    With --resume, papers that the folder holds with these settings and this
    version are not computed again, so a run after Ctrl-C goes on.

    --set changes a field of the `Settings` in the paper's experiment.py; the
    claims, which are about the unchanged settings, are then not judged.

    \b
    Examples:
      diffmem papers run biroli2024
      diffmem papers run --scale smoke --out smoke
      diffmem papers run baptista2025 shah2025 --seed 7 --out seed7 --strict
      diffmem papers run biroli2024 --set n=500 --out smaller
    """
    from ..papers import paper
    from ..papers import slugs as every

    check_folder(out)
    _check_settings(scale, seed)
    chosen = [_job(paper(slug), out, scale, seed, changes or []) for slug in dict.fromkeys(slugs or every())]
    failures, missed = [], 0
    try:
        for position, job in enumerate(chosen):
            try:
                record = _one(job, f"[{position + 1}/{len(chosen)}]", resume)
            except Exception as fault:
                failures.append(job.paper.slug)
                print(f"{job.paper.slug} failed: {type(fault).__name__}: {fault}", file=sys.stderr)
                continue
            missed += _verdicts(record, job.paper)
    except KeyboardInterrupt:
        print(
            f"Interrupted: finished papers are in {out}; run the same command with --resume to go on.", file=sys.stderr
        )
        raise
    if failures or (strict and missed):
        raise typer.Exit(FAILED)


@papers.command()
def report(
    folders: Annotated[list[Path] | None, typer.Argument(help="Folders of runs, such as one for each seed.")] = None,
    into: Annotated[Path | None, typer.Option(help="A file in which the table between its marks is replaced.")] = None,
) -> None:
    """Print the table of what was measured, in Markdown: paper, claim, accepted interval, measured, met or missed.

    With --into, tables of rankings are replaced too where a rankings.json of
    `diffmem papers rank` lies beside the folders.

    \b
    Examples:
      diffmem papers report
      diffmem papers report seed0 seed1 --into PAPERS.md
    """
    from ..papers import as_table
    from ..papers.ranking_tables import FILE, with_rankings
    from ..papers.report import records_in, replaced, summary

    found = records_in(folders or [DEFAULT_OUT])
    if into is None:
        print(as_table(found))
        print(summary(found))
        return
    beside = (folders or [DEFAULT_OUT])[0].parent / FILE
    into.write_text(with_rankings(replaced(into.read_text(), found), beside))
    print(f"wrote {into}")


@papers.command()
def rank(
    seed: Annotated[int, typer.Option(help="Seed of all random numbers: equal seeds give equal results.")] = 0,
    out: Annotated[Path, typer.Option(help="File for the rankings, read by `report`.")] = DEFAULT_OUT / "rankings.json",
) -> None:
    """Compare all detectors of memorized prompts, and all mitigations, on one benchmark each (some minutes).

    Each is tried on an exact score and on a network trained on the same
    records: detectors against three kinds of ordinary prompts, mitigations by
    the copies that are left and by what the samples lose.

    \b
    Examples:
      diffmem papers rank
      diffmem papers rank --seed 7 --out seed7/rankings.json
    """
    from ..checks import check_seed
    from ..papers.ranking_tables import as_rankings, ranked, save_rankings

    check_seed(seed)
    check_folder(out.parent)
    record = ranked(seed)
    save_rankings(record, out)
    print(as_rankings(record))
    print(f"wrote {out}")


class Job(NamedTuple):
    """One paper to run, with the options of the command."""

    paper: "Paper"
    folder: Path
    scale: "Scale"
    seed: int
    settings: "Settings | None"
    """None: those of the scale."""
    changed: dict[str, Any]


def _check_settings(scale: str, seed: int) -> None:
    from ..checks import check_seed
    from ..papers import SCALES

    if scale not in SCALES:
        raise ValueError(f"`--scale` must be one of {', '.join(SCALES)}, but is {scale!r}.")
    check_seed(seed)


def _job(paper: "Paper", out: Path, scale: "Scale", seed: int, texts: list[str]) -> Job:
    """The job; raises ValueError, before any work, for wrong settings and for a folder with a run of other settings."""
    from ..papers.record import read_record, same_settings
    from ..papers.settings import changed, changes

    settings, differing = None, {}
    if texts:
        original = paper.settings_at(scale)
        settings = changed(original, texts, paper.slug)
        differing = changes(settings, original)
    folder = out / paper.slug
    check_folder(folder)
    record = read_record(folder)
    if record is not None and not same_settings(record, scale, seed, differing):
        there = f"scale {record['scale']}, seed {record['seed']}"
        there += "".join(f", {name}={value}" for name, value in record.get("changed", {}).items())
        raise ValueError(
            f"`--out` must not hold runs of other settings, but {folder} is one of {there}: "
            f"choose another folder (--out) or delete that one."
        )
    return Job(paper, folder, scale, seed, settings, differing)


def _one(job: Job, place: str, resume: bool) -> "Record":
    """The record of a paper, kept or computed."""
    from ..papers import read_record, run_paper
    from ..papers.record import is_current

    paper, folder, scale, seed, settings, differing = job
    kept = read_record(folder) if resume else None
    if kept is not None and is_current(kept, paper, scale, seed, differing):
        print(f"{place} {paper.slug}: kept from an earlier run", file=sys.stderr)
        return kept
    start = time.perf_counter()
    with _busy(f"{place} {paper.slug}: {paper.title}"):
        record = run_paper(paper, folder, scale, seed, settings)
    print(f"{place} {paper.slug}: {time.perf_counter() - start:.0f} s, wrote {folder}", file=sys.stderr)
    return record


def _verdicts(record: "Record", paper: "Paper") -> int:
    """Print a line for each measurement, and return how many claims are missed."""
    from ..papers.report import interval, measured

    statements = {claim.key: claim.statement for claim in paper.claims}
    for line in record["claims"]:
        statement = statements.get(line["key"], "there is no claim of this name.")
        if line["met"] is None:
            print(f"  {line['key']}: {measured(line)}, not judged: {statement}")
            continue
        verdict = "met   " if line["met"] else "MISSED"
        accepted = interval(line["low"], line["high"])
        print(f"  {verdict} {line['key']}: {measured(line)}, accepted {accepted}: {statement}")
    return sum(line["met"] is False for line in record["claims"])


@contextmanager
def _busy(text: str) -> Iterator[None]:
    """Show on standard error that work goes on: a spinner with elapsed seconds on a terminal, a line elsewhere."""
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
