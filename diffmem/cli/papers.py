"""The command `diffmem papers`: compute papers on memorization and check their claims."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .arguments import folder_for
from .output import AsJson, Quiet, note, show, show_json, show_table
from .paper_jobs import check_settings, job_of, missed, outcome, show_verdicts

if TYPE_CHECKING:
    from rich.table import Table

    from ..papers import Paper

DEFAULT_OUT = Path("papers")
FAILED = 1  # exit code: a paper could not be run to its end, or with --strict a claim is missed

papers = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")


def _slugs() -> list[str]:
    from ..papers import slugs

    return list(slugs())


@papers.callback()
def _about() -> None:
    """Papers on memorization: their experiments, computed again, and their claims, checked.

    \b
    Examples:
      diffmem papers list
      diffmem papers run baptista2025
      diffmem papers report
    """


@papers.command("list")
def list_papers(
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the names only, one on a line.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the papers: name, arXiv number, numbers of claims at full and smoke scale, title.

    \b
    Examples:
      diffmem papers list
      diffmem papers list --quiet | grep 2025
      diffmem papers list --json
    """
    from ..papers import paper, slugs

    found = [paper(slug) for slug in slugs()]
    if as_json:
        show_json([_summary(one) for one in found])
    elif quiet:
        show("\n".join(one.slug for one in found))
    else:
        show_table(_table([_summary(one) for one in found]))


def _summary(paper: "Paper") -> dict[str, Any]:
    claims = {scale: len(paper.claims_at(scale)) for scale in ("full", "smoke")}
    return {"paper": paper.slug, "arxiv": paper.arxiv, "claims": claims, "title": paper.title}


def _table(summaries: Sequence[dict[str, Any]]) -> "Table":
    from rich import box
    from rich.table import Table

    rows = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for name in ("paper", "arXiv", "claims", "smoke"):
        rows.add_column(name, no_wrap=True, justify="right" if name in ("claims", "smoke") else "left")
    rows.add_column("title")
    for one in summaries:
        full, smoke = (str(one["claims"][scale]) for scale in ("full", "smoke"))
        rows.add_row(one["paper"], one["arxiv"], full, smoke, one["title"])
    return rows


@papers.command()
def run(
    slugs: Annotated[
        list[str] | None,
        typer.Argument(metavar="SLUG...", help="Papers by name; all by default.", autocompletion=_slugs),
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
    quiet: Quiet = False,
    as_json: AsJson = False,
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

    out = folder_for(out)
    check_settings(scale, seed)
    chosen = [job_of(paper(slug), out, scale, seed, changes or []) for slug in dict.fromkeys(slugs or every())]
    found: list[dict[str, Any]] = []
    try:
        for position, job in enumerate(chosen):
            found.append(outcome(job, f"[{position + 1}/{len(chosen)}]", resume, quiet))
            if not (quiet or as_json or "error" in found[-1]):
                show_verdicts(found[-1], job.paper)
    except KeyboardInterrupt:
        note(f"Interrupted: finished papers are in {out}; run the same command with --resume to go on.")
        raise
    if as_json:
        show_json(found)
    if any("error" in record or (strict and missed(record)) for record in found):
        raise typer.Exit(FAILED)


@papers.command()
def report(
    folders: Annotated[list[Path] | None, typer.Argument(help="Folders of runs, such as one for each seed.")] = None,
    into: Annotated[Path | None, typer.Option(help="A file in which the table between its marks is replaced.")] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print the table alone, or with --into nothing.")
    ] = False,
    as_json: AsJson = False,
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
    from ..whole_files import expanded, replace_file

    runs = [expanded(folder) for folder in folders or [DEFAULT_OUT]]
    found = records_in(runs)
    if into is not None:
        into = expanded(into)
        text = with_rankings(replaced(into.read_text(encoding="utf-8"), found), runs[0].parent / FILE)
        replace_file(into, text.encode())
    if as_json:
        show_json(found)
    elif into is None:
        show(as_table(found) if quiet else f"{as_table(found)}\n{summary(found)}")
    elif not quiet:
        show(f"wrote {into}")


@papers.command()
def rank(
    seed: Annotated[int, typer.Option(help="Seed of all random numbers: equal seeds give equal results.")] = 0,
    out: Annotated[Path, typer.Option(help="File for the rankings, read by `report`.")] = DEFAULT_OUT / "rankings.json",
    quiet: Quiet = False,
    as_json: AsJson = False,
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
    out = folder_for(out.parent, (out.name,)) / out.name
    record = ranked(seed)
    save_rankings(record, out)
    if as_json:
        show_json(record)
    elif not quiet:
        show(f"{as_rankings(record)}\nwrote {out}")
