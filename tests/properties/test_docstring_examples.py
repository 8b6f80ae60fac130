"""The examples in docstrings run and print what they say, and every package of the library has one."""

import ast
import doctest

import pytest
from source import FILES, inside, module_name, package, parsed

SLOW = {"diffmem.papers"}  # computes an experiment twice
WITHOUT = {"cli", "explore", "pytorch"}  # examples of a shell, a browser, and the page that tests/test_docs.py runs


def examples():
    """Each docstring with a prompt, under the full name of what it documents."""
    for path in FILES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ">>>" in (
                ast.get_docstring(node) or ""
            ):
                name = module_name(path) if isinstance(node, ast.Module) else f"{module_name(path)}.{node.name}"
                marks = [pytest.mark.slow] if name in SLOW else []
                yield pytest.param(name, ast.get_docstring(node), path, id=name, marks=marks)


@pytest.mark.parametrize(("name", "docstring", "path"), list(examples()))
def test_the_example_runs(name, docstring, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example = doctest.DocTestParser().get_doctest(docstring, {}, name, str(path), 0)
    assert 0 < len(example.examples) <= 7
    report = []
    doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS).run(example, out=report.append)
    assert not report, "".join(report)


def test_every_package_shows_an_example():
    shown = {package(example.values[2]) for example in examples()}
    packages = {package(path) for path in FILES if len(inside(path)) > 1}
    assert packages - WITHOUT <= shown
