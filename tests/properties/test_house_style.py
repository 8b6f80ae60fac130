"""Sizes, docstrings and class rules of every file. A test lists every place that breaks its rule."""

import ast
import importlib
import inspect

import equinox as eqx
from source import FILES, expect_none, module_name, nodes, package, parsed, public_nodes


def test_files_and_functions_are_small():
    long = [module_name(path) for path in FILES if path.read_text().count("\n") > 300]
    for path, node in nodes(ast.FunctionDef):
        # a signature of many options is no logic, and neither is a docstring
        lines = node.end_lineno - node.body[0].lineno + 1 - (ast.get_docstring(node) or "").count("\n")
        if lines > (50 if package(path) == "cli" else 40):
            long.append(f"{module_name(path)}.{node.name}: {lines}")
    expect_none(long)


def test_files_and_public_things_are_documented():
    bare = [module_name(path) for path in FILES if not ast.get_docstring(parsed(path))]
    bare += [
        f"{module_name(path)}.{node.name}"
        for path in FILES
        for node in public_nodes(path)
        if not ast.get_docstring(node)
    ]
    expect_none(bare)


def is_documented(name: str, value) -> bool:
    """A tuple or dataclass without a docstring is given its own signature; numbers and types have none to give."""
    words = inspect.getdoc(value) or ""
    explained = inspect.isroutine(value) or inspect.isclass(value) or inspect.ismodule(value)
    return not explained or (bool(words) and not words.startswith(f"{name}("))


def test_every_package_lists_what_it_offers():
    """`__all__` is what `help` shows: its names exist, and its functions and classes have words of their own."""
    wrong = []
    for path in FILES:
        if path.name != "__init__.py":
            continue
        module = importlib.import_module(module_name(path))
        if not vars(module).get("__all__"):
            wrong.append(f"{module.__name__} has no __all__")
        for name in vars(module).get("__all__", ()):
            value = getattr(module, name, None)
            if value is None:
                wrong.append(f"{module.__name__}.{name} does not exist")
            elif not is_documented(name, value):
                wrong.append(f"{module.__name__}.{name} is not documented")
    expect_none(wrong)


# classes and house rules


def subclasses(cls):
    for child in cls.__subclasses__():
        yield child
        yield from subclasses(child)


# defaults that a closed form may replace; all other methods are implemented once
DEFAULTS = {
    "shown",
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
}


def test_methods_are_implemented_once():
    from diffmem import integrators, processes, reductions, scores

    assert integrators and processes and reductions and scores
    twice = []
    for cls in set(subclasses(eqx.Module)):
        for parent in cls.__mro__[1:]:
            if not cls.__module__.startswith("diffmem.") or not parent.__module__.startswith("diffmem."):
                continue
            for name, method in vars(parent).items():
                concrete = callable(method) and not getattr(method, "__isabstractmethod__", False)
                if concrete and not name.startswith("_") and name not in DEFAULTS and name in vars(cls):
                    twice.append(f"{cls.__name__} overrides {parent.__name__}.{name}")
    expect_none(twice)


def test_only_abstract_classes_are_subclassed():
    classes = nodes(ast.ClassDef)
    own = {node.name for path, node in classes if node in parsed(path).body}
    expect_none(
        [
            f"{module_name(path)}.{node.name}({base})"
            for path, node in classes
            for base in {ast.unparse(base).split("[")[0].split(".")[-1] for base in node.bases} & own
            if not base.startswith("Abstract")
        ]
    )


def test_house_rules():
    """No postponed annotations, no attributes looked for by name, no travelling keyword arguments, no bare except."""
    broken = {
        "a __future__ import": lambda node: isinstance(node, ast.ImportFrom) and node.module == "__future__",
        "hasattr": lambda node: isinstance(node, ast.Name) and node.id == "hasattr",
        "a bare except": lambda node: isinstance(node, ast.ExceptHandler) and node.type is None,
        "**keywords": lambda node: isinstance(node, (ast.FunctionDef, ast.Lambda)) and node.args.kwarg is not None,
    }
    expect_none(
        [
            f"{module_name(path)}, line {getattr(node, 'lineno', 0)}: {rule}"
            for path, node in nodes(ast.AST)
            for rule, breaks in broken.items()
            if breaks(node)
        ]
    )
