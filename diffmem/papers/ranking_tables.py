"""The rankings of detectors and mitigations, as a record in a file and as tables."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..whole_files import as_json, replace_file

if TYPE_CHECKING:
    import xarray as xr

FILE = "rankings.json"
BEGIN, END = "<!-- rankings: begin -->", "<!-- rankings: end -->"
NONE = "-"  # where a model does not admit a method


def ranked(
    seed: int, detectors: dict[str, int] | None = None, mitigations: dict[str, int] | None = None
) -> dict[str, Any]:
    """Both rankings at full size (some minutes), as rows of a record; the sizes of either may be changed by name."""
    import jax

    from ..studies import rankings

    first, second = jax.random.split(jax.random.key(seed))
    found = {
        "detectors": rankings.detector_ranking(key=first, **(detectors or {})),
        "mitigations": rankings.mitigation_ranking(key=second, **(mitigations or {})),
    }
    return {"seed": seed, "version": __version__} | {name: _rows(table) for name, table in found.items()}


def save_rankings(record: dict[str, Any], path: Path) -> None:
    """Write a record of rankings."""
    replace_file(path, as_json(record))


def as_rankings(record: dict[str, Any]) -> str:
    """Two Markdown tables: detectors by what they tell apart, mitigations by copies that are left and by quality."""
    return f"{_detectors(record['detectors'])}\n{_mitigations(record['mitigations'])}\n{_origin(record)}\n"


def with_rankings(text: str, path: Path) -> str:
    """The text with the tables of a file between its two marks; as it is without marks or file."""
    if BEGIN not in text or END not in text or not path.exists():
        return text
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    return f"{before}{BEGIN}\n\n{as_rankings(json.loads(path.read_text()))}\n{END}{after}"


def _rows(table: "xr.Dataset") -> list[dict[str, Any]]:
    """One row for each combination of coordinates for which there is a number."""
    frame = table.to_dataframe().reset_index().dropna()
    return [
        {k: v if isinstance(v, str) else round(float(v), 4) for k, v in row.items()} for row in frame.to_dict("records")
    ]


def _detectors(rows: list[dict[str, Any]]) -> str:
    pairs, models = (list(dict.fromkeys(row[name] for row in rows)) for name in ("pair", "model"))
    names = list(dict.fromkeys(row["detector"] for row in rows))
    cells = {(row["detector"], row["model"], row["pair"]): row for row in rows}

    def cell(name: str, model: str, pair: str) -> str:
        row = cells.get((name, model, pair))
        if row is None:
            return NONE
        return f"{row['auc']:.2f} [{row['auc_low']:.2f}, {row['auc_high']:.2f}], {row['tpr']:.2f}"

    cost = {row["detector"]: row["evaluations"] for row in rows}
    head = ["detector", "cost", *(f"{model}: {pair}" for model in models for pair in pairs)]
    body = [
        [name, f"{cost[name]:.0f}", *(cell(name, model, pair) for model in models for pair in pairs)] for name in names
    ]
    return _table(head, body)


def _mitigations(rows: list[dict[str, Any]]) -> str:
    models, names = (list(dict.fromkeys(row[name] for row in rows)) for name in ("model", "mitigation"))
    cells = {(row["mitigation"], row["model"]): row for row in rows}
    unchanged = {model: cells["none", model]["accuracy"] for model in models}

    def pair(name: str, model: str) -> list[str]:
        row = cells.get((name, model))
        if row is None:
            return [NONE, NONE]
        left = f"{row['hit']:.2f} [{row['hit_low']:.2f}, {row['hit_high']:.2f}]"
        return [left, f"{unchanged[model] - row['accuracy']:.2f}"]

    head = ["mitigation", *(f"{model}: {part}" for model in models for part in ("copies left", "quality cost"))]
    order = sorted(names, key=lambda name: (name != "none", name))
    return _table(head, [[name, *(part for model in models for part in pair(name, model))] for name in order])


def _table(head: list[str], body: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body)) + "\n"


def _origin(record: dict[str, Any]) -> str:
    return f"`diffmem papers rank`, seed {record['seed']}, diffmem {record['version']}."
