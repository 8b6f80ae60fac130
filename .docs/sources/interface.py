"""The interface: every name that a package offers in `__all__`, from its docstring, without importing the package."""

import ast
import re
from functools import cache, partial
from pathlib import Path

from .page import ROOT, Pages

FOLDER = "interface"
TYPES = "diffmem.annotations"  # signatures of all packages refer to it
SHAPE = re.compile(r'<span class="n">(\w+)</span> <span class="o">\*</span> <span class="n">shape</span>')


def add(pages: Pages) -> None:
    """A page for each package."""
    for path in packages():
        pages.content[f"{FOLDER}/{path}.md"] = page(path)


def page(path: str) -> str:
    """The words of a package, then its names."""
    own = "{members: false, show_root_heading: false, show_root_toc_entry: false, show_source: false}"
    parts = [f"# {path}\n", f"::: {path}\n    options: {own}\n"]
    for name in offered(path):
        home = home_of(path, name)
        owner = owner_of(home)
        if folder(home).is_dir():
            parts.append(f"## [{name}]({home}.md)\n\nA package of its own.\n")
        elif owner not in (path, None):
            parts.append(f"## {name}\n\nFrom [{owner}]({owner}.md#{home}).\n")
        else:
            parts.append(f"::: {home}\n")
    parts += [f"::: {TYPES}\n"] if path == "diffmem" else []
    return "\n".join(parts)


def owner_of(home: str) -> str | None:
    """The package on whose page a name is described: the innermost that offers it; None if none of them does."""
    around = [
        path
        for path in packages()
        if home.startswith(f"{path}.") and home in map(partial(home_of, path), offered(path))
    ]
    return max(around, key=len, default=None)


@cache
def packages() -> list[str]:
    """The packages, and those that they offer as such; a paper's package has a page among the papers."""
    found = []
    waiting = ["diffmem", *(f"diffmem.{init.parent.name}" for init in (ROOT / "diffmem").glob("*/__init__.py"))]
    while waiting:
        path = waiting.pop()
        homes = [home_of(path, name) for name in offered(path)]
        found.append(path)
        waiting += [home for home in homes if folder(home).is_dir() and home not in found]
    return sorted(set(found))


@cache
def offered(path: str) -> list[str]:
    """The names in `__all__` of a package, with those of the packages from which it takes all."""
    (names,) = [node.value for node in syntax(path).body if assigns(node, "__all__")]
    whole = [f"{path}.{node.module}" for node in imports(path) if node.names[0].name == "*"]
    return sorted([*ast.literal_eval(names), *(name for inner in whole for name in offered(inner))], key=capitals_first)


def capitals_first(name: str) -> tuple[bool, bool, str]:
    """The order of names: constants, then classes, then functions."""
    return not name.isupper(), not name[0].isupper(), name


def imports(path: str) -> list[ast.ImportFrom]:
    """What a package imports from inside the library."""
    return [node for node in ast.walk(syntax(path)) if isinstance(node, ast.ImportFrom) and node.level]


def home_of(path: str, name: str) -> str:
    """The full name under which a package's name is defined: a function may hide a module of the same name.

    >>> home_of("diffmem.metrics", "memorization")
    'diffmem.metrics.memorization.memorization'
    """
    for node in imports(path):
        base = path.split(".")[: len(path.split(".")) - node.level + 1]
        source = ".".join([*base, *([node.module] if node.module else [])])
        for alias in node.names:
            if alias.name == "*" and name in offered(source):
                return home_of(source, name)
            if name == (alias.asname or alias.name):
                packaged = folder(source).is_dir() and node.module is not None
                return home_of(source, alias.name) if packaged else f"{source}.{alias.name}"
    return f"{path}.{name}"


def folder(path: str) -> Path:
    """Where a package would lie."""
    return ROOT.joinpath(*path.split("."))


@cache
def syntax(path: str) -> ast.Module:
    """The `__init__.py` of a package, read and not run."""
    return ast.parse((folder(path) / "__init__.py").read_text(encoding="utf-8"))


def assigns(node: ast.stmt, name: str) -> bool:
    """Whether a statement is `name = ...`."""
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name


def shapes_as_written(content: str) -> str:
    """A shape such as "n *shape" is read as a product where signatures are laid out; it is a string."""
    return SHAPE.sub(r'<span class="s2">&quot;\1 *shape&quot;</span>', content)


def navigation() -> list:
    """The packages by name."""
    return [{path: f"{FOLDER}/{path}.md"} for path in packages()]
