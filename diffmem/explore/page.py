"""The page as one text: its HTML, style and scripts put together with the training points."""

import html
import json
import re
from importlib.resources import files
from importlib.resources.abc import Traversable

import numpy as np

from ..annotations import Points
from ..checks import check_finite

MOST_POINTS = 500  # which a browser still follows while a point is dragged
FARTHEST = 1e9  # of a coordinate: squares of distances over small noise stay far inside double precision
IMPORT = re.compile(r'^import [^;]*? from "(.+?)";\n', re.MULTILINE)


def page(points: Points | None = None, *, name: str = "your points") -> str:
    """A self-contained HTML page that shows reverse flows of diffusion models collapsing onto training points.

    The page needs no server and no network. It computes in the browser, in double precision, by the formulas of
    `processes`, `scores`, `integrators` and `theory`.

    Args:
        points: (n,), (n, 1) or (n, 2), the training points that the page begins with; without them, two clusters.
        name: what the page calls them.

    Raises ValueError for points of another shape, more than 500 of them, and coordinates that are not finite or exceed
    1e9 in size.
    """
    folder = files(__name__.rpartition(".")[0])
    data = "null" if points is None else json.dumps(_start(points, name)).replace("<", "\\u003c")
    parts = {
        "STYLE": folder.joinpath("style.css").read_text(encoding="utf-8"),
        "DATA": data,
        "SCRIPT": script(folder, "interface/main.js"),
        "TITLE": "diffmem explore" if points is None else f"{html.escape(name)} - diffmem explore",
    }
    text = folder.joinpath("page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], text)


def script(folder: Traversable, main: str) -> str:
    """One script of a JavaScript module and all that it imports, each module once and after those that it needs.

    The modules share one scope there, so that a name may be used at the top of one module only.
    """
    written: dict[str, str] = {}

    def add(path: str) -> None:
        if path in written:
            return
        written[path] = ""  # modules may import each other, as functions do
        text = folder.joinpath(path).read_text(encoding="utf-8")
        for found in IMPORT.findall(text):
            add(_beside(path, found))
        del written[path]
        written[path] = re.sub(r"^export ", "", IMPORT.sub("", text), flags=re.MULTILINE)

    add(main)
    return "\n".join(f"// {path}\n{text}" for path, text in written.items())


def _beside(path: str, relative: str) -> str:
    """The path of a module that another one names, `./x.js` or `../folder/x.js`."""
    parts = path.split("/")[:-1]
    for part in relative.split("/"):
        parts = parts[:-1] if part == ".." else parts if part == "." else [*parts, part]
    return "/".join(parts)


def _start(points: Points, name: str) -> dict[str, object]:
    """The points as pairs, with their dimension and name."""
    values = np.asarray(points, np.float64)
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or values.shape[1] not in (1, 2):
        raise ValueError(f"`points` must have shape (n,), (n, 1) or (n, 2), but have shape {np.shape(points)}.")
    if not 1 <= len(values) <= MOST_POINTS:
        raise ValueError(f"`points` must be 1 to {MOST_POINTS}, but are {len(values)}.")
    check_finite("points", values)
    if np.abs(values).max() > FARTHEST:
        raise ValueError(f"`points` must be at most {FARTHEST:g} in size, but one is {np.abs(values).max():g}.")
    d = values.shape[1]
    pairs = np.concatenate([values, np.zeros((len(values), 2 - d))], axis=1)
    return {"points": pairs.tolist(), "d": d, "name": name}
