"""The files of a report as bytes, made in memory before any of them reaches a disk."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ..whole_files import replace_file


def csv_of(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A table with the names of the first row as its head."""
    stream = io.StringIO(newline="")
    table = csv.DictWriter(stream, list(rows[0]))
    table.writeheader()
    table.writerows(rows)
    return stream.getvalue().encode()


def png_of(figure: Figure) -> bytes:
    """A figure as an image."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def write_all(contents: Mapping[str, bytes], folder: Path) -> list[Path]:
    """Write each file whole or not at all, and return their paths; raises OSError, which names the file."""
    for name, content in contents.items():
        replace_file(folder / name, content)
    return [folder / name for name in contents]
