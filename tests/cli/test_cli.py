import subprocess
import sys

import pytest

import diffmem
from diffmem.cli import main


def fresh(code):
    """Run in a new interpreter, where nothing is loaded yet."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("arguments", [["--help"], ["collapse", "--help"], ["--version"]])
def test_help_loads_neither_jax_nor_numpy(arguments):
    heavy = ("jax", "numpy", "matplotlib", "xarray", "equinox", "scipy")
    run = fresh(
        f"import atexit, sys; atexit.register(lambda: print([m for m in {heavy} if m in sys.modules]));"
        f"from diffmem.cli import main; main({arguments})"
    )
    assert run.returncode == 0 and run.stdout.splitlines()[-1] == "[]", run.stderr


def code_of(arguments):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return end.value.code


def test_version(capsys):
    assert code_of(["--version"]) == 0
    assert capsys.readouterr().out == f"diffmem {diffmem.__version__}\n"


def test_help_teaches(capsys):
    assert code_of(["collapse", "--help"]) == 0
    text = capsys.readouterr().out
    for word in ("collapse.nc", "collapse.png", "samples.png", "mnist --n 128,1000", "--fresh", "Ctrl-C", "edm"):
        assert word in text


@pytest.mark.parametrize("arguments", [["nonsense"], ["collapse", "--bogus"], ["collapse", "--samples", "abc"]])
def test_usage_errors_are_one_line(arguments, capsys):
    assert code_of(arguments) == 2
    out, error = capsys.readouterr()
    assert out == "" and len(error.splitlines()) == 1 and error.startswith("diffmem: ")


def test_without_a_command_it_helps(capsys):
    code_of([])
    out, error = capsys.readouterr()
    assert "Usage: diffmem" in out and error == ""
