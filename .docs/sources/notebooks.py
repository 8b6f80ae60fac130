"""The executed notebooks as pages: text, code and saved outputs; nothing is run."""

import base64
import json
import re
from pathlib import Path
from typing import NamedTuple

from .page import ROOT, Pages, code, figure
from .repository import relinked

PNG = "image/png"
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


class Picture(NamedTuple):
    """A picture among the outputs of a notebook."""

    path: str
    """In the site."""
    heading: str
    """The heading under which it stands."""
    content: bytes


def files() -> list[Path]:
    """The notebooks, in the order of their index."""
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def add(pages: Pages) -> None:
    """A page for each notebook, and its pictures."""
    for file in files():
        text, pictures = page(file)
        pages.content[f"notebooks/{file.stem}.md"] = text
        pages.content.update({picture.path: picture.content for picture in pictures})


def page(file: Path) -> tuple[str, list[Picture]]:
    """The Markdown of a notebook and its pictures."""
    parts, pictures, heading = [], [], file.stem
    for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(relinked(source) + "\n")
            heading = [heading, *HEADING.findall(source)][-1]
            continue
        parts.append(code(re.sub(r"^%matplotlib.*\n+", "", source, flags=re.MULTILINE), "python"))
        outputs = cell.get("outputs", [])
        printed = "".join("".join(output["text"]) for output in outputs if output["output_type"] == "stream")
        if printed:
            parts.append(code(printed, "text", ".output "))
        for output in outputs:
            data = output.get("data", {})
            if PNG in data:
                path = f"notebooks/{file.stem}/{len(pictures) + 1}.png"
                pictures.append(Picture(path, heading, base64.b64decode("".join(data[PNG]))))
                parts.append(figure(heading, path.removeprefix("notebooks/")) + "\n")
            elif "text/plain" in data:
                parts.append(code("".join(data["text/plain"]), "text", ".output "))
    return "\n".join(parts), pictures


def title(file: Path) -> str:
    """The first heading."""
    return HEADING.search(page(file)[0])[1]


def navigation() -> list:
    """The index, and below it each notebook."""
    return ["notebooks/README.md", *(f"notebooks/{file.stem}.md" for file in files())]
