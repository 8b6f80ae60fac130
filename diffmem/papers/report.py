"""The table of papers: what each claims, the interval fixed beforehand, and what was measured."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .record import MEASUREMENTS, Record, read_record

BEGIN, END = "<!-- papers: begin -->", "<!-- papers: end -->"
HEADER = ("paper", "claim", "expected", "accepted", "measured", "")


def records_in(folders: Sequence[Path]) -> list[Record]:
    """The records of all papers in folders of runs, ordered by paper, then by folder.

    Runs with changed settings are left out, as their claims are not judged.
    Raises ValueError where a folder holds no run.
    """
    found = []
    for folder in folders:
        here = [read_record(path.parent) for path in sorted(folder.glob(f"*/{MEASUREMENTS}"))]
        if not here:
            raise ValueError(f"{folder} must hold runs of `diffmem papers run`, but there is none.")
        found += [record for record in here if record is not None and not record.get("changed")]
    return sorted(found, key=lambda record: record["slug"])


def as_table(records: Sequence[Record]) -> str:
    """A Markdown table of records, one row for each claim; runs of one paper with several seeds share their rows.

    A measured value that leaves its interval is set in bold and its row says how many of the seeds missed.
    """
    lines = [HEADER, ("---",) * len(HEADER)]
    for slug in dict.fromkeys(record["slug"] for record in records):
        runs = [record for record in records if record["slug"] == slug]
        for position, row in enumerate(claim_rows(runs)):
            lines.append((_paper(runs[0]) if position == 0 else "", *row[1:]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


class ClaimRow(NamedTuple):
    """A claim of a paper beside what was measured with each seed, in words for a table."""

    key: str
    statement: str
    expected: str
    accepted: str
    measured: str
    """One number for each run; those outside the accepted interval in bold."""
    verdict: str


def claim_rows(runs: Sequence[Record]) -> list[ClaimRow]:
    """The claims of runs of one paper, in the order in which they were measured."""
    from . import paper

    statements = {claim.key: claim.statement for claim in paper(runs[0]["slug"]).claims}
    found = []
    for key in dict.fromkeys(line["key"] for run in runs for line in run["claims"]):
        lines = [line for run in runs for line in run["claims"] if line["key"] == key]
        found.append(ClaimRow(key, statements.get(key, key), *_numbers(lines)))
    return found


def summary(records: Sequence[Record]) -> str:
    """One sentence: how many claims were checked and met, at which scale and seeds, by which version."""
    lines = [line for record in records for line in record["claims"]]
    met = sum(line["met"] for line in lines)
    seeds = ", ".join(map(str, sorted({record["seed"] for record in records})))
    scales = ", ".join(sorted({record["scale"] for record in records}))
    versions = ", ".join(sorted({record.get("version", "unknown") for record in records}))
    return f"{met} of {len(lines)} checks met ({scales} scale, seeds {seeds}, diffmem {versions})."


def replaced(text: str, records: Sequence[Record]) -> str:
    """The text with what stands between its two marks replaced by the table.

    Raises ValueError where the marks are missing.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"`--into` must be a file with the lines {BEGIN} and {END}, but they are missing.")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    return f"{before}{BEGIN}\n\n{as_table(records)}\n{summary(records)}\n\n{END}{after}"


def figures(value: float | None) -> str:
    """Four significant digits; `inf` where a number has no bound or is not one."""
    return "inf" if value is None else f"{value:.4g}"


def interval(low: float | None, high: float | None) -> str:
    """An interval in words: both ends, or the one there is."""
    if low is None:
        return f"<= {figures(high)}"
    if high is None:
        return f">= {figures(low)}"
    return f"[{figures(low)}, {figures(high)}]"


def measured(line: Record) -> str:
    """A measured value with its standard error."""
    if line["measured"] is None:
        return "none"
    return figures(line["measured"]) + (f" ± {line['error']:.2g}" if line["error"] else "")


def _paper(record: Record) -> str:
    return f"[{record['slug']}](https://arxiv.org/abs/{record['arxiv']})"


def _numbers(lines: list[Record]) -> tuple[str, ...]:
    first = lines[0]
    shown = ", ".join(measured(line) if line["met"] else f"**{measured(line)}**" for line in lines)
    missed = sum(not line["met"] for line in lines)
    verdict = "met" if not missed else "missed" if missed == len(lines) else f"missed on {missed} of {len(lines)}"
    return figures(first["expected"]), interval(first["low"], first["high"]), shown, verdict
