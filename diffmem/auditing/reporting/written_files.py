"""The files of an audit."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ...plots import copying_curves, neighbour_distances, samples_beside_neighbours
from ...studies.sweep.store import save, written_whole
from ..findings import Audit
from .page import marked, page

SHOWN = 16  # pairs of the contact sheet


def written(audit: Audit, folder: Path) -> list[Path]:
    """Write the report into a folder; each file is whole or not there."""
    figures = drawn(audit)
    texts: dict[str, Callable[[], str]] = {
        "audit.html": lambda: page(audit, figures),
        "audit.json": audit.to_json,
    }
    paths = []
    for name, text in texts.items():
        with written_whole(folder / name) as partial:
            partial.write_text(text(), encoding="utf-8")
        paths.append(folder / name)
    with written_whole(folder / "copies.csv") as partial, partial.open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, list(audit.rows[0]))
        table.writeheader()
        table.writerows(audit.rows)
    save(audit.arrays, folder / "audit.nc")
    for name, figure in figures.items():
        with written_whole(folder / f"{name}.png") as partial:
            figure.savefig(partial, format="png")
    return [*paths, folder / "copies.csv", folder / "audit.nc", *(folder / f"{name}.png" for name in figures)]


def drawn(audit: Audit) -> dict[str, Figure]:
    """The figures by name."""
    found = audit.arrays
    distances = {"samples": found["d1"].values, "training points, each against all others": found["train_d1"].values}
    if "test_d1" in found:
        distances["held-out points"] = found["test_d1"].values[~found["leak"].values]
    figures = {
        "curves": copying_curves(found, marked(audit)),
        "distances": neighbour_distances({name: some for name, some in distances.items() if len(some)}),
    }
    if audit.pictures:
        figures["copies"] = _contact_sheet(audit)
    return figures


def _contact_sheet(audit: Audit) -> Figure:
    """The worst copy of each of the most copied training points, above its source."""
    shown = audit.pictures[:SHOWN]
    samples, sources = (np.stack(parts) for parts in ([one.copies[0] for one in shown], [one.source for one in shown]))
    return samples_beside_neighbours(samples, sources, samples.shape[1:], most=SHOWN)
