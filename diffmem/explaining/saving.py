"""The files of an explanation."""

import json
from pathlib import Path

from .. import plots
from ..pages import csv_of, png_of, write_all
from ..studies.sweep.store import netcdf
from .explained_page import page
from .explanation import Explanation
from .tables import arrays, class_rows, document, number_rows, point_rows

FILES = "explain.html", "explain.json", "explain.csv", "points.csv", "explain.nc", "explain.png"
OF_NETWORK = "network.nc", "network.png"


def saved(found: Explanation, folder: Path) -> list[Path]:
    """Write the report into a folder; each file is whole or not there."""
    told, dataset = document(found), arrays(found)
    contents = [
        page(found, told, dataset).encode(),
        (json.dumps(told, indent=1, allow_nan=False) + "\n").encode(),
        csv_of(number_rows(found)),
        csv_of(point_rows(found)),
        netcdf(dataset),
        png_of(plots.explained(dataset)),
    ]
    files = dict(zip(FILES, contents))
    if found.classes:
        files["classes.csv"] = csv_of(class_rows(found))
    if found.network is not None:
        compared = found.network.dataset
        files |= dict(zip(OF_NETWORK, (netcdf(compared), png_of(plots.against_optimum(compared)))))
    return write_all(files, folder)
