"""The files of an audit."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ...pages import csv_of, png_of, write_all
from ...plots import copying_curves, neighbour_distances, samples_beside_neighbours
from ...studies.sweep.store import netcdf
from ..findings import Audit
from .audit_page import marked, page

SHOWN = 16  # pairs of the contact sheet


def written(audit: Audit, folder: Path) -> list[Path]:
    """Write the report into a folder; each file is whole or not there.

    Where it takes the place of an earlier report and has no pictures of samples, those of the earlier one go.
    """
    figures, earlier = drawn(audit), (folder / "audit.json").exists()
    contents = {
        "audit.html": page(audit, figures).encode(),
        "audit.json": audit.to_json().encode(),
        "copies.csv": csv_of(audit.rows),
        "audit.nc": netcdf(audit.arrays),
    }
    paths = write_all(contents | {f"{name}.png": png_of(figure) for name, figure in figures.items()}, folder)
    if earlier and "copies" not in figures:
        (folder / "copies.png").unlink(missing_ok=True)
    return paths


def drawn(audit: Audit) -> dict[str, Figure]:
    """The figures by name."""
    found = audit.arrays
    distances = {"samples": found["d1"].values, "training points, each against others": found["train_d1"].values}
    if "test_d1" in found:
        distances["held-out points"] = found["test_d1"].values[~found["leak"].values]
    figures = {
        "curves": copying_curves(found, marked(audit)),
        "distances": neighbour_distances(
            {name: some for name, some in distances.items() if len(some)}, audit.document["units"]
        ),
    }
    if audit.pictures:
        figures["copies"] = _contact_sheet(audit)
    return figures


def _contact_sheet(audit: Audit) -> Figure:
    """The worst copy of each of the most copied training points, above its source."""
    shown = audit.pictures[:SHOWN]
    samples, sources = (np.stack(parts) for parts in ([one.copies[0] for one in shown], [one.source for one in shown]))
    return samples_beside_neighbours(samples, sources, samples.shape[1:], most=SHOWN)
