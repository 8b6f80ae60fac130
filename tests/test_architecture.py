"""The tree keeps its shape: imports go one way, heavy packages load late, files stay small, public things are documented."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

import diffmem

ROOT = Path(diffmem.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
# a package may import from those on later lines only
LAYERS = [
    {"cli"},
    {"papers"},
    {"studies"},
    {"plots"},
    {"metrics", "training"},
    {"integrators"},
    {"scores", "theory"},
    {"data", "networks", "processes", "reductions"},
    {"arithmetic", "batches", "checks", "level", "progress"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
HEAVY = {"matplotlib", "diffrax", "sklearn", "xarray", "pandas", "optax", "typer", "rich", "scipy", "PIL"}
LATE = {"plots", "studies", "papers", "cli"}  # packages that may import heavy ones: nothing imports them at the start


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@functools.cache
def own_classes() -> set[str]:
    return {node.name for path in FILES for node in parsed(path).body if class_of(node)}


def package(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> list[tuple[str, bool]]:
    """Packages of this project that a file imports, with whether the import is at its top."""
    tree = parsed(path)
    found = []
    depth = len(path.relative_to(ROOT).parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            outside = node.level == depth
            names = [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]
            if outside:
                found += [(name, node in tree.body) for name in names]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path):
    own = package(path)
    if own == "__init__":
        return
    for name, _ in imported(path):
        if name == "__version__" or name == own:
            continue
        assert RANK[name] > RANK[own], f"{own} imports {name}"


def test_every_package_has_a_layer():
    found = {package(path) for path in FILES} - {"__init__"}
    assert found == set(RANK)


def test_light_packages_load_nothing_heavy():
    light = sorted(set(RANK) - LATE)
    code = f"import sys; import diffmem; from diffmem import {', '.join(light)}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in run.stdout.split()}
    assert not (loaded & (HEAVY - {"scipy"}))  # jax itself loads a part of scipy


def test_help_loads_no_numerics():
    code = (
        "import sys\nfrom diffmem.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\nprint(*sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in run.stdout.splitlines()[-1].split()}
    assert not (loaded & {"jax", "numpy", "matplotlib", "xarray"})


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_small_and_documented(path):
    text, tree = path.read_text(), parsed(path)
    assert text.count("\n") <= 300
    assert ast.get_docstring(tree)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            # a signature of many options is no logic
            lines = node.end_lineno - node.body[0].lineno + 1 - (ast.get_docstring(node) or "").count("\n")
            if isinstance(node, ast.FunctionDef):
                assert lines <= 50, node.name
    public = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    for node in public:
        if not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{path.name}: {node.name}"


def test_names_say_what_things_are():
    forbidden = {"utils", "helpers", "misc", "common", "manager"}
    assert not {path.stem for path in FILES} & forbidden


def subclasses(cls):
    for child in cls.__subclasses__():
        yield child
        yield from subclasses(child)


# defaults that a closed form may replace; all other methods are implemented once
DEFAULTS = {
    "time_at",
    "evaluate",
    "denoise",
    "noise",
    "score",
    "divergence",
    "jacobian_vector",
    "stochastic",
    "denoised",
    "hold",
    "place",
    "fold",
    "at",
}


def test_methods_are_implemented_once():
    import equinox as eqx

    from diffmem import integrators, processes, reductions, scores

    assert integrators and processes and reductions and scores
    for cls in set(subclasses(eqx.Module)):
        if not cls.__module__.startswith("diffmem."):
            continue
        for parent in cls.__mro__[1:]:
            if not parent.__module__.startswith("diffmem."):
                continue
            for name, method in vars(parent).items():
                concrete = callable(method) and not getattr(method, "__isabstractmethod__", False)
                if name.startswith("_") or name in DEFAULTS or not concrete:
                    continue
                assert name not in vars(cls), f"{cls.__name__} overrides {parent.__name__}.{name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_score_knows_no_time_and_a_prediction_no_score(path):
    """Scores take a process by its shape; theory and the experiment beside it share no code that could be wrong in both."""
    forbidden = {"scores": {"processes", "integrators"}, "theory": {"scores", "integrators"}}
    assert not {name for name, _ in imported(path)} & forbidden.get(package(path), set())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_abstract_classes_are_subclassed(path):
    own = own_classes()
    for node in filter(class_of, ast.walk(parsed(path))):
        bases = {ast.unparse(base).split("[")[0].split(".")[-1] for base in node.bases} & own
        assert all(base.startswith("Abstract") for base in bases), f"{node.name}({', '.join(bases)})"


def class_of(node):
    return isinstance(node, ast.ClassDef)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_house_rules(path):
    """No postponed annotations, no attributes looked for by name, no travelling keyword arguments, no bare except."""
    for node in ast.walk(parsed(path)):
        assert not (isinstance(node, ast.ImportFrom) and node.module == "__future__")
        assert not (isinstance(node, ast.Name) and node.id == "hasattr"), f"line {node.lineno}"
        assert not (isinstance(node, ast.ExceptHandler) and node.type is None), f"line {node.lineno}"
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            assert node.args.kwarg is None, f"line {node.lineno}: **{node.args.kwarg.arg}"
