"""All figures on one page: those of the notebooks and of the papers, each with a link to where it is made."""

from diffmem.papers import paper, slugs

from . import notebooks
from .page import Pages, figure, plain

PAGE = "gallery.md"


def add(pages: Pages) -> None:
    """The page; its pictures belong to the pages that they lead to."""
    parts = ["# Gallery\n\nEach figure leads to the page that computes it.\n"]
    for file in notebooks.files():
        title = notebooks.title(file)
        cards = [
            card(
                picture.path,
                title if picture.heading == title else f"{title}: {picture.heading}",
                f"notebooks/{file.stem}.md",
            )
            for picture in notebooks.page(file)[1]
        ]
        parts.append(f"## {title}\n\n" + grid(cards))
    parts.append(
        "## Papers\n\n"
        + grid([card(f"papers/{slug}.png", f"{slug}: {paper(slug).title}", f"papers/{slug}.md") for slug in slugs()])
    )
    pages.content[PAGE] = "\n".join(parts)


def card(picture: str, words: str, page: str) -> str:
    """One figure with its caption."""
    return f"-   [{figure(words, picture)}]({page})\n\n    {plain(words)}\n"


def grid(cards: list[str]) -> str:
    """Figures side by side."""
    return '<div class="grid cards" markdown>\n\n' + "\n".join(cards) + "\n</div>\n"
