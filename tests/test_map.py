"""The map of the package (diffmem/README.md) names what exists: packages, directions of imports, files and functions."""

import ast
import re
from pathlib import Path

import diffmem

ROOT = Path(diffmem.__file__).parent
TEXT = (ROOT / "README.md").read_text()
ROWS = re.findall(r"^\| (?!formula|---)(.+) \| (.+) \| (.+) \|$", TEXT, re.MULTILINE)


def defined(body, prefix=""):
    """The functions and classes of a module, and with a dot the methods and fields of its classes."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield prefix + node.name
        if isinstance(node, ast.ClassDef):
            yield from defined(node.body, f"{prefix}{node.name}.")
        if isinstance(node, ast.AnnAssign):
            yield prefix + ast.unparse(node.target)


def test_every_formula_is_where_the_table_says():
    assert len(ROWS) >= 25 and len(ROWS) == len({formula for formula, _, _ in ROWS})
    for _, place, source in ROWS:
        found = re.fullmatch(r"`([\w/]+\.py)`: `([\w.]+)`", place)
        assert found, place
        file, name = found.groups()
        assert (ROOT / file).is_file(), file
        assert name in set(defined(ast.parse((ROOT / file).read_text()).body)), place
        assert source


def test_every_package_is_described_and_every_name_of_a_file_exists():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    modules = {path.name for path in ROOT.glob("*.py")} - {"__init__.py"}
    described = TEXT.split("## Packages")[1].split("```")[0]
    assert set(re.findall(r"^- `(\w+)/`", described, re.MULTILINE)) == packages
    assert modules <= set(re.findall(r"`(\w+\.py)`", described))
    for name in re.findall(r"`([\w/]+\.py)`", TEXT):
        assert (ROOT / name).is_file() or list(ROOT.glob(f"*/{name}")), name


def test_packages_import_only_from_lower_lines():
    lines = [line.split() for line in TEXT.split("```")[1].strip().splitlines()]
    rank = {name: i for i, names in enumerate(lines) for name in names}
    assert set(rank) == {
        path.stem for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    } - {"__init__"}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).parts
        own = parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text())):
            if own != "__init__" and isinstance(node, ast.ImportFrom) and node.level == len(parts):
                names = [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]
                for name in set(names) & set(rank) - {own}:
                    assert rank[name] > rank[own], f"{path} imports {name}"
