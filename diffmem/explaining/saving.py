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
OF_CLASSES, OF_NETWORK = "classes.csv", ("network.nc", "network.png")


def saved(found: Explanation, folder: Path) -> list[Path]:
    """Write the report into a folder; each file is whole or not there.

    Where it takes the place of an earlier report, the files of that one go which it does not have itself.
    """
    earlier = (folder / "explain.json").exists()
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
        files[OF_CLASSES] = csv_of(class_rows(found))
    if found.network is not None:
        compared = found.network.dataset
        files |= dict(zip(OF_NETWORK, (netcdf(compared), png_of(plots.against_optimum(compared)))))
    paths = write_all(files, folder)
    for name in {OF_CLASSES, *OF_NETWORK} - files.keys() if earlier else ():
        (folder / name).unlink(missing_ok=True)
    return paths
