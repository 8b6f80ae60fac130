"""The pages that are made, and the little Markdown that they share."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Pages(NamedTuple):
    """Generated files of the site by path; paths are those of the repository where there is a file to mirror."""

    content: dict[str, str | bytes]

    def copy(self, path: str) -> None:
        """A file of the repository as it is, at the same path."""
        self.content[path] = (ROOT / path).read_bytes()


def plain(text: str) -> str:
    """Text in which nothing is Markdown: formulas of prose such as `v*`, `|m|^2` and `<x, y>` are shown as written."""
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]|$#~])", r"\\\1", " ".join(text.split()))


def code(text: str, language: str, attributes: str = "") -> str:
    """A fenced block that no fence inside the text can end."""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`{3,}", text)), 3)
    return f"{fence}{{ .{language} {attributes}}}\n{text.rstrip()}\n{fence}\n"


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def figure(words: str, path: str) -> str:
    """A picture with its words for those who do not see it."""
    return f"![{plain(words)}]({path}){{ loading=lazy }}"
