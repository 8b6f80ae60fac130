"""README.md from the results: every number in it was measured and read from a file."""

import json
import statistics
from pathlib import Path

HEAD = """# Benchmarks

One file for a question, against stated rivals and against what the machine can do. This page is generated from
`results/*.json`; no number in it is typed by hand.

```bash
pip install -e ".[bench]"
python benchmarks/run.py                    # everything at smoke scale, in about three minutes: shows that it runs
python benchmarks/run.py --scale full       # the stated sizes; writes this page
python benchmarks/run.py steps compile      # some questions
python benchmarks/accelerator.py benchmarks/results/accelerator.json    # on an accelerator, in six minutes
python benchmarks/run.py --report           # only writes this page
```

Every case runs in a process of its own. Contenders are called in turn, again and again, and the process sleeps before
each call until the idle threads of the other runtimes (XLA, OpenBLAS, OpenMP) have stopped spinning; a call of less
than a second is then made once untimed, since its own threads have to wake. Times are medians with the smallest and
largest in brackets (calls that take long are made less often); compilation and preparation are apart. *x limit* is the
time over that of the machine's limit measured in the same run, *x ours* over that of this library (where several of
its ways race, over the first of them). *Memory* is by how much the resident memory of the process rose in the first
call, *planned* what XLA allots to temporaries. Rivals that are not installed have a row that says so. `accelerator.py`
stands alone, and measures all of its contenders in one process without pauses.
"""


def write(folder: Path, questions) -> None:
    """The page of a folder, from the results in it."""
    paths = [folder / "results" / f"{name}.json" for name in questions]
    found = [json.loads(path.read_text()) for path in paths if path.exists()]
    parts = [HEAD, overview(found), *(section(result) for result in found)]
    (folder / "README.md").write_text("\n".join(part for part in parts if part).rstrip() + "\n")


def overview(found: list[dict]) -> str:
    """All goals, and the machines."""
    if not found:
        return "Nothing has been measured yet."
    lines = ["## Goals", ""]
    rows = [
        [f"[{result['title']}](#{anchor(result)})", *goal_cells(goal)] for result in found for goal in result["goals"]
    ]
    lines += table(["question", "case", "what", "goal", "measured", ""], rows)
    judged = [goal["met"] for result in found for goal in result["goals"]]
    lines += ["", f"{judged.count(True)} met, {judged.count(False)} missed, {judged.count(None)} not measured.", ""]
    return "\n".join([*lines, "## Machine", "", *machines(found)])


def machines(found: list[dict]) -> list[str]:
    """One paragraph for each machine and set of versions, with the questions that it answered."""
    groups: dict[str, list[str]] = {}
    for result in found:
        groups.setdefault(machine(result), []).append(
            f"{result['name']} ({result['scale']}, {result['date']}, {duration(result['seconds'])}, "
            f"load {result['machine'].get('load', float('nan')):.1f})"
        )
    return [
        line for text, names in groups.items() for line in (text, "", "Measured there: " + "; ".join(names) + ".", "")
    ]


def machine(result: dict) -> str:
    """Hardware, device and versions in a sentence or two."""
    m = result["machine"]
    if not m:
        return "Unknown: the process did not come so far."
    versions = ", ".join(f"{name} {version}" for name, version in m["versions"].items() if version)
    missing = ", ".join(name for name, version in m["versions"].items() if not version)
    return (
        f"{m['processor']}, {m['cores']} cores, {m['memory_bytes'] / 2**30:.0f} GiB, {m['system']}, "
        f"Python {m['python']}; JAX device {m['device']}; BLAS: {m['blas']}. {versions}; commit {m['commit']}."
        + (f" Not installed: {missing}." if missing else "")
    )


def section(result: dict) -> str:
    """One question."""
    bandwidth = result["machine"].get("copy_bandwidth")
    lines = [
        f"## {result['title']}",
        "",
        f"`{result['name']}.py`, scale {result['scale']}. " + flow(result["text"]),
        "",
    ]
    if bandwidth:
        lines += [f"A large copy moved {bandwidth / 1e9:.1f} GB/s (read and written) in the same process.", ""]
    if result["goals"]:
        cells = [goal_cells(goal) for goal in result["goals"]]
        lines += [*table(["case", "what", "goal", "measured", ""], cells), ""]
    if result["rows"]:
        lines += [*rows_table(result["rows"]), ""]
    if result["entries"]:
        lines += [*entries_table(result["entries"]), ""]
    lines += [f"**{failure['case']} did not finish**: {failure['reason']}" for failure in result["failures"]]
    return "\n".join(lines) + "\n"


COLUMNS = {
    "time": lambda row: times(row["seconds"]),
    "x limit": lambda row: number(row.get("limit_ratio"), 3),
    "x ours": lambda row: number(row.get("ours_ratio"), 3),
    "compile": lambda row: seconds(row.get("compile_seconds")),
    "memory": lambda row: size(row.get("memory_bytes")),
    "planned": lambda row: size(row.get("temporary_bytes")),
    "error": lambda row: number(row.get("error"), 2),
    "note": lambda row: row["failure"] or row["note"],
}


def rows_table(rows: list[dict]) -> list[str]:
    """The times, without columns in which nothing stands."""
    cells = {name: [cell(row) for row in rows] for name, cell in COLUMNS.items()}
    shown = [name for name, column in cells.items() if any(column)]
    lines = [[row["case"], row["method"], *(cells[name][i] for name in shown)] for i, row in enumerate(rows)]
    return table(["case", "method", *shown], lines)


def entries_table(entries: list[dict]) -> list[str]:
    """What are not times: whatever columns there are."""
    head = list(dict.fromkeys(name for entry in entries for name in entry))
    return table(head, [[plain(entry.get(name)) for name in head] for entry in entries])


def plain(value) -> str:
    """A number or a word."""
    return value if isinstance(value, str) else number(value, 3)


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A Markdown table."""
    clean = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(row) + " |" for row in clean)]


def goal_cells(goal: dict) -> list[str]:
    """Case, what, bounds, measured, verdict."""
    least, most = goal["least"], goal["most"]
    if least is None:
        bounds = f"<= {number(most)}"
    elif most is None:
        bounds = f">= {number(least)}"
    else:
        bounds = f"{number(least)} .. {number(most)}"
    verdict = {True: "met", False: "**missed**", None: "not measured"}[goal["met"]]
    return [goal["case"], goal["what"], bounds, number(goal["measured"], 3), verdict]


def times(values: list[float] | None) -> str:
    """Median, smallest, largest, where there are several, and how many."""
    if not values:
        return ""
    spread = f"{seconds(min(values))} .. {seconds(max(values))}, {len(values)} runs" if len(values) > 1 else "1 run"
    return f"{seconds(statistics.median(values))} ({spread})"


def seconds(value: float | None) -> str:
    """With a unit that fits."""
    if value is None:
        return ""
    for unit, name in ((1.0, "s"), (1e-3, "ms")):
        if value >= unit:
            return f"{value / unit:.3g} {name}"
    return f"{value / 1e-6:.3g} us"


def duration(value: float) -> str:
    """Of a whole question."""
    return f"{value / 60:.1f} min" if value >= 90 else f"{value:.0f} s"


def size(value: float | None) -> str:
    """Bytes with a unit that fits."""
    if value is None:
        return ""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= unit:
            return f"{value / unit:.3g} {name}"
    return f"{value:.0f} B"


def number(value: float | None, digits: int = 4) -> str:
    """Nothing for nothing."""
    return "" if value is None else f"{value:.{digits}g}"


def flow(text: str) -> str:
    """One paragraph."""
    return " ".join(text.split())


def anchor(result: dict) -> str:
    """The fragment of a heading on the page."""
    kept = [c for c in result["title"].lower() if c.isalnum() or c in " -"]
    return "".join(kept).replace(" ", "-")
