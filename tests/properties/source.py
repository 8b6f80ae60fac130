"""The files of the package, read with `ast`."""

import ast
import functools
from pathlib import Path

import diffmem

ROOT = Path(diffmem.__file__).parent
CHECKOUT = Path(__file__).parents[2]
FILES = sorted(ROOT.rglob("*.py"))


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def inside(path: Path) -> tuple[str, ...]:
    """The parts of a path inside the package."""
    return path.relative_to(ROOT).parts


def package(path: Path) -> str:
    return inside(path)[0].removesuffix(".py")


def of_one_paper(path: Path) -> bool:
    """Whether a file belongs to the folder of one paper."""
    return inside(path)[0] == "papers" and len(inside(path)) == 3


def module_name(path: Path) -> str:
    parts = [part.removesuffix(".py") for part in inside(path)]
    return ".".join(["diffmem", *parts]).removesuffix(".__init__")


def nodes(*kinds):
    """Every node of the given kinds, with its file."""
    return [(path, node) for path in FILES for node in ast.walk(parsed(path)) if isinstance(node, kinds)]


def public_nodes(path: Path):
    found = [node for node in parsed(path).body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    return [node for node in found if not node.name.startswith("_")]


def expect_none(broken):
    """Fail with every entry on a line of its own, where pytest would shorten a list."""
    assert not broken, "\n".join(map(str, broken.items() if isinstance(broken, dict) else broken))
