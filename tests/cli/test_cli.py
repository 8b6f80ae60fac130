import io
import os
import subprocess
import sys

import pytest
import rich.text

import diffmem
from diffmem.cli import app, main
from diffmem.cli.output import show_table


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


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["audt"], ["collapse", "--bogus"], ["collapse", "--samples", "abc"]]
)
def test_usage_errors_are_one_line(arguments, capsys):
    assert code_of(arguments) == 2
    out, error = capsys.readouterr()
    assert out == "" and len(error.splitlines()) == 1 and error.startswith("diffmem: ")
    assert error[-2] in ".?" and error[-3] not in ".?"


def test_without_a_command_it_helps(capsys):
    code_of([])
    out, error = capsys.readouterr()
    assert "Usage: diffmem" in out and error == ""


def commands(app, path=()):
    """Every command and group, as the words that call it."""
    yield path
    for group in app.registered_groups:
        yield from commands(group.typer_instance, (*path, group.name))
    for command in app.registered_commands:
        yield *path, command.name or command.callback.__name__


@pytest.mark.parametrize("path", sorted(commands(app)), ids=" ".join)
def test_every_help_has_examples_of_its_command(path, capsys):
    assert code_of([*path, "--help"]) == 0
    examples = capsys.readouterr().out.split("Examples:")[1]
    assert "diffmem " + " ".join(path) in " ".join(examples.split())


@pytest.mark.parametrize("words, expected", [("diffmem pap", "papers"), ("diffmem papers run rayaa raya", "raya2023")])
def test_a_shell_completes_commands_and_papers(words, expected):
    environment = {**os.environ, "_DIFFMEM_COMPLETE": "complete_bash", "COMP_WORDS": words}
    environment["COMP_CWORD"] = str(len(words.split()) - 1)
    code = "import sys; from diffmem.cli import main; main([])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    assert run.returncode == 0 and expected in run.stdout.split(), (run.stdout, run.stderr)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_shown(shell, capsys, monkeypatch):
    monkeypatch.setattr("shellingham.detect_shell", lambda: (shell, shell))
    assert code_of(["--show-completion"]) == 0
    assert "_DIFFMEM_COMPLETE" in capsys.readouterr().out


class Terminal(io.TextIOWrapper):
    """Standard output as a terminal would be."""

    def isatty(self):
        return True


def shown_on_terminal(monkeypatch, **variables):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm-256color", **variables}.items():
        monkeypatch.setenv(name, value)
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", Terminal(written, encoding="utf-8"))
    style = rich.text.Text("word", style="red")
    show_table(style)
    return written.getvalue()


def test_colours_are_for_terminals(monkeypatch, capsys):
    assert b"\x1b[31m" in shown_on_terminal(monkeypatch)
    assert shown_on_terminal(monkeypatch, NO_COLOR="1") == b"word\n"
    assert shown_on_terminal(monkeypatch, TERM="dumb") == b"word\n"
    monkeypatch.undo()
    monkeypatch.setenv("FORCE_COLOR", "1")
    show_table(rich.text.Text("word", style="red"))
    assert capsys.readouterr().out == "word\n"
