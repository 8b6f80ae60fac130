"""The command line, in its own words: what each `--help` prints."""

import os
import subprocess
import sys
from collections.abc import Iterator

import typer

from diffmem.cli import app

from .page import Pages, code

PAGE = "commands.md"
WIDTH = "80"
HELP = "import sys; from diffmem.cli import main; main([*sys.argv[1:], '--help'])"


def add(pages: Pages) -> None:
    """One page with the help of every command."""
    parts = ["# Command line\n\nWhat `--help` says, command by command.\n"]
    for words in commands(typer.main.get_command(app), ()):
        name = " ".join(("diffmem", *words))
        parts.append(f"## `{name}`\n\n" + code(printed_help(words), "text", ".output "))
    pages.content[PAGE] = "\n".join(parts)


def commands(command, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The words of a command and of all below it."""
    yield words
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*words, name))


def printed_help(words: tuple[str, ...]) -> str:
    """The help of one command, as a terminal of 80 columns without colours shows it."""
    plain = os.environ | {"COLUMNS": WIDTH, "TERMINAL_WIDTH": WIDTH, "NO_COLOR": "1", "TERM": "dumb"}
    run = subprocess.run([sys.executable, "-c", HELP, *words], env=plain, capture_output=True, text=True, check=True)
    return "\n".join(line.rstrip() for line in run.stdout.strip().splitlines())
