"""What MkDocs calls: pages made from the repository join the hand-written ones, and formulas become MathML."""

import html
import re

from latex2mathml.converter import convert
from mkdocs.structure.files import File
from sources import commands, gallery, interface, notebooks, papers, repository
from sources.page import Pages

SECTIONS = (repository, notebooks, papers, gallery, commands, interface)
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)

NAMED = re.compile(r"(<mi>[a-z]{2,}</mi>)(?=<m[infs])")  # log n: a thin space after the name of a function


def on_files(files, config):
    """Add the generated pages and pictures, and the navigation over all of them."""
    made = Pages({})
    for section in SECTIONS:
        section.add(made)
    for path, content in made.content.items():
        files.append(File.generated(config, path, content=content))
    config.nav = navigation()
    return files


def navigation() -> list:
    """The tabs of the site, in the order in which a newcomer needs them."""
    return [
        {"Start": ["README.md", {"Bring your PyTorch network": "pytorch.md"}, {"Command line": commands.PAGE}]},
        {"Notebooks": notebooks.navigation()},
        {"Papers": papers.navigation()},
        {"Gallery": gallery.PAGE},
        {"Interface": interface.navigation()},
        {"Inside": repository.navigation()},
    ]


def on_page_content(content: str, page, config, files) -> str:
    """LaTeX between dollars as MathML, which browsers show without any script, and shapes as they are written."""
    content = FORMULA.sub(lambda found: as_mathml(html.unescape(found[3]), found[2] == "["), content)
    return interface.shapes_as_written(content)


def as_mathml(latex: str, block: bool) -> str:
    """One formula."""
    formula = convert(latex, display="block" if block else "inline")
    formula = NAMED.sub(r'\1<mspace width="0.17em"/>', formula)
    return f'<div class="arithmatex">{formula}</div>' if block else formula
