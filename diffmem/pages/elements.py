"""The parts of a report: sections, tables, figures and pictures as HTML, each escaped and embedded once."""

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources
from typing import Any

import numpy as np
from jaxtyping import Real
from matplotlib.figure import Figure


def whole_page(title: str, parts: Iterable[str]) -> str:
    """One HTML file with its style; empty parts are left out."""
    style = resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def section(title: str, body: str) -> str:
    """A part of the page under a heading; `body` is HTML."""
    return f"<section><h2>{escape(title)}</h2>\n{body}\n</section>"


def grid(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table that scrolls sideways where it is wider than the page; numbers to three digits, None as a dash."""
    first = "".join(f"<th scope='col'>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(_text(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class='wide' tabindex='0'><table><thead><tr>{first}</tr></thead><tbody>{body}</tbody></table></div>"


def _text(cell: Any) -> str:
    if cell is None:
        return "-"
    # a number and its unit stay on one line
    return f"{cell:.3g}" if isinstance(cell, float) else str(cell).replace(" %", "\N{NO-BREAK SPACE}%")


def bullets(sentences: Iterable[str]) -> str:
    """A list of sentences."""
    return "<ul>" + "".join(f"<li>{escape(one)}</li>" for one in sentences) + "</ul>"


def plot(figure: Figure, caption: str, alt: str | None = None) -> str:
    """A figure without background, which a dark page inverts, above its caption; `alt` is read out in its place."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", transparent=True)
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    words = escape(alt or caption, quote=True)
    return f"<figure><img class='plot' alt='{words}' src='{_data(stream.getvalue())}'>{below}</figure>"


def picture(image: Real[np.ndarray, "h w *channels"], value_range: tuple[float, float], alt: str) -> str:
    """An image of the data, black at the lower and white at the upper end of the range."""
    from PIL import Image

    low, high = value_range
    levels = np.clip(255 * (image.astype(float) - low) / ((high - low) or 1.0), 0, 255).round().astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(levels[..., 0] if levels.ndim == 3 and levels.shape[-1] == 1 else levels).save(stream, "PNG")
    return f"<img alt='{escape(alt, quote=True)}' src='{_data(stream.getvalue())}'>"


def _data(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
