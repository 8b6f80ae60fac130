"""The tree keeps its shape: what may import what, and where code may live. A test lists every file that breaks its rule."""

import ast
import collections
import json
import re
import subprocess
import sys
from pathlib import Path

from source import CHECKOUT, FILES, ROOT, expect_none, inside, module_name, nodes, of_one_paper, package, parsed

# a package may import from those on later lines only
LAYERS = [
    {"cli"},
    {"explaining"},
    {"auditing", "explore", "papers"},
    {"studies"},
    {"pages", "plots"},
    {"metrics", "mitigations", "training"},
    {"integrators", "pytorch"},
    {"scores", "theory"},
    {"data", "networks", "processes", "reductions"},
    {path.stem for path in ROOT.glob("*.py")} - {"__init__", "tensors"},
    {"tensors"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
HEAVY = {
    "matplotlib",
    "diffrax",
    "sklearn",
    "xarray",
    "pandas",
    "optax",
    "typer",
    "rich",
    "scipy",
    "PIL",
    "torch",
    "diffusers",
}
# packages that may import heavy ones: nothing imports them at the start
LATE = {"auditing", "explaining", "pages", "plots", "studies", "papers", "cli"}


def absolute_imports(path: Path) -> set[str]:
    """The modules of this package that a file imports, at its top or later, with the names taken from them."""
    found = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom) and node.level:
            start = ["diffmem", *inside(path)][: -node.level]
            base = ".".join([*start, node.module] if node.module else start)
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def imported_packages(path: Path) -> set[str]:
    """The first level below `diffmem` of all that a file imports."""
    return {name.split(".")[1] for name in absolute_imports(path)} - {"__version__"}


# imports


def test_imports_go_one_way():
    expect_none(
        [
            f"{module_name(path)} imports {name}"
            for path in FILES
            if package(path) != "__init__"
            for name in imported_packages(path) - {package(path)}
            if RANK[name] <= RANK[package(path)]
        ]
    )


def test_every_package_has_a_layer():
    found = {package(path) for path in FILES} - {"__init__"}
    assert found == set(RANK)


def test_a_score_knows_no_time_and_a_prediction_no_score():
    """Scores take a process by its shape; theory and the experiment beside it share no code that could be wrong in both."""
    forbidden = {"scores": {"processes", "integrators"}, "theory": {"scores", "integrators"}}
    expect_none(
        [
            f"{module_name(path)} imports {name}"
            for path in FILES
            for name in imported_packages(path) & forbidden.get(package(path), set())
        ]
    )


def loaded_by(code: str) -> set[str]:
    """The top-level modules that are loaded in a new process after `code`."""
    code = f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in run.stdout.splitlines()[-1].split()}


def test_light_packages_load_nothing_heavy():
    light = sorted({package(path) for path in FILES} - LATE - {"__init__"})
    loaded = loaded_by(f"from diffmem import {', '.join(light)}")
    assert not (loaded & (HEAVY - {"scipy"}))  # jax itself loads a part of scipy


def test_help_loads_no_numerics():
    loaded = loaded_by("from diffmem.cli import main; main(['--help'])")
    assert not (loaded & {"jax", "numpy", "matplotlib", "xarray"})


# where code lives


def test_names_say_what_things_are():
    forbidden = {"utils", "helpers", "misc", "common", "manager"}
    assert not {path.stem for path in FILES} & forbidden


def test_no_module_name_is_used_twice():
    """So that a module can be spoken of without its folder; each paper has its own experiment and figure."""
    names = [path.stem for path in FILES if not of_one_paper(path) and path.stem not in ("base", "__init__")]
    expect_none([name for name, count in collections.Counter(names).items() if count > 1])


def test_folders_are_small():
    sizes = collections.Counter(path.parent for path in FILES if path.name != "__init__.py")
    expect_none({str(folder): size for folder, size in sizes.items() if size > 15})


def code_outside_studies():
    """Pairs of a user of the library (one paper, the command line, one notebook, the README) and its code."""
    for path in FILES:
        if package(path) in ("papers", "cli"):
            yield ".".join(inside(path)[: 2 if package(path) == "papers" else 1]), path.read_text()
    for path in (CHECKOUT / "notebooks").glob("*.ipynb"):
        cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
        yield path.name, "\n".join("".join(cell["source"]) for cell in cells)
    yield "README.md", (CHECKOUT / "README.md").read_text()


def test_a_study_serves_more_than_one_paper():
    """What one paper alone uses lives in its folder; a notebook and the README may not hold code, so one is enough."""
    homes = {}
    for node in parsed(ROOT / "studies" / "__init__.py").body:
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            homes |= {alias.name: node.module for alias in node.names}
    users = {inside(path)[1].removesuffix(".py"): set() for path in FILES if package(path) == "studies"}
    del users["__init__"]
    for user, text in code_outside_studies():
        names = re.findall(r"\bstudies\.(\w+)", text)
        names += [name for found in re.findall(r"studies import ([\w, ]+)", text) for name in re.findall(r"\w+", found)]
        for study in {homes.get(name, name) for name in names} & set(users):
            users[study].add(user)
    alone = {study: found for study, found in users.items() if len(found) < 2}
    expect_none({study: found for study, found in alone.items() if not found or found.pop().startswith("papers.")})


def test_claims_are_not_in_python():
    """What a paper says stands in its claims.toml, so that its history shows that intervals stood before the runs."""
    expect_none(
        [
            f"{module_name(path)}, line {node.lineno}"
            for path, node in nodes(ast.Call)
            if ast.unparse(node.func).split(".")[-1] == "Claim"
            and (node.args or any(keyword.arg == "statement" for keyword in node.keywords))
        ]
    )


def test_tests_mirror_the_package():
    """`tests/x/test_y.py` tests the module or package `diffmem/x/y`, or the package `x` itself where y = x.

    What cuts across stands in properties/ and field/, and what is about the whole checkout at the top.
    """
    alone = []
    for path in sorted((CHECKOUT / "tests").rglob("test_*.py")):
        folder = path.relative_to(CHECKOUT / "tests").parent
        name = path.stem.removeprefix("test_")
        tested = ROOT / folder / name
        across = folder.parts[:1] in ((), ("properties",), ("field",))
        if not (across or tested.with_suffix(".py").exists() or tested.is_dir() or name == folder.name):
            alone.append(str(folder / path.name))
    expect_none(alone)
