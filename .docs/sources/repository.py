"""Pages that the repository already holds: README files, tables, the list of changes."""

import re

from .page import ROOT, Pages

TITLES = {
    "diffmem/README.md": "Map of the package",
    "benchmarks/README.md": "Benchmarks",
    "tests/README.md": "Tests",
    "CONTRIBUTING.md": "Contributing",
    "CHANGELOG.md": "Changes",
}
OTHERS = "README.md", "PAPERS.md", "notebooks/README.md"
TABLES = "PAPERS.md", "benchmarks/README.md", "diffmem/README.md"
WIDE = "---\nhide: [toc]\n---\n\n"
# folders and notebooks have pages of other names
FOLDERS = {"diffmem/papers": "papers/README.md", "notebooks/papers": "gallery.md", "papers": "../gallery.md"}
LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?\)")
PICTURE = re.compile(r"!\[[^\]]*\]\(([^)\s:]+)\)")


def add(pages: Pages) -> None:
    """Each page with its links led to pages of the site, and the pictures that it shows."""
    for path in (*TITLES, *OTHERS):
        text = (ROOT / path).read_text(encoding="utf-8")
        pages.content[path] = (WIDE if path in TABLES else "") + relinked(text)
        folder = (ROOT / path).parent
        for picture in PICTURE.findall(text):
            pages.copy((folder / picture).relative_to(ROOT).as_posix())


def relinked(text: str) -> str:
    """Links to notebooks and folders as links to their pages; all others are left to the strict build."""
    return LINK.sub(
        lambda found: f"{found[1]}{FOLDERS.get(found[2], found[2]).replace('.ipynb', '.md')}{found[3] or ''})", text
    )


def navigation() -> list:
    """How the package is built, tested, timed and changed."""
    return [{title: path} for path, title in TITLES.items()]
