"""What is left out of data when they are read, each with its cause."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import NamedTuple

from ..whole_files import as_text

LISTED = 3  # in a sentence


class Skipped(NamedTuple):
    """Something that could not be used, and why."""

    name: str
    cause: str


@contextmanager
def skipping(skipped: list[Skipped], folder: PurePath, file: PurePath) -> Iterator[None]:
    """Leave out a file of a folder where the block cannot read it: its path there and the cause join the list."""
    try:
        yield
    except ValueError as error:
        skipped.append(Skipped(name_in(folder, file), _cause(str(error), file.name)))


def name_in(folder: PurePath, file: PurePath) -> str:
    """The path of a file in its folder, as text."""
    return as_text(file.relative_to(folder).as_posix())


def listed(skipped: Sequence[Skipped]) -> str:
    """The first of them with their causes, and how many more there are."""
    shown = ", ".join(f"{one.name} ({one.cause})" for one in skipped[:LISTED])
    more = len(skipped) - LISTED
    return f"{shown} and {more:,} more" if more > 0 else shown


def unreadable(skipped: Sequence[Skipped]) -> str:
    """A sentence about files that were left out; empty where there are none."""
    if not skipped:
        return ""
    subject = (
        "1 file could not be read and was"
        if len(skipped) == 1
        else f"{len(skipped):,} files could not be read and were"
    )
    return f"{subject} left out: {listed(skipped)}."


def check_some_read(role: str, folder: object, count: int, skipped: Sequence[Skipped]) -> None:
    """Raise ValueError where no image of a folder could be read, with the cause of the first."""
    if not count:
        raise ValueError(
            f"`{role}` must hold an image that can be read, but {folder} has none; {skipped[0].name}: "
            f"{skipped[0].cause}."
        )


def _cause(sentence: str, name: str) -> str:
    """Why a file was left out, without its name and without what Python calls a stream."""
    text = " ".join(sentence.split()).removeprefix(f"`path` must be readable, but {name} is not: ")
    text = text.removeprefix("`path` ").replace(f"but {name} ", "but it ")
    return re.sub(r" <_io\S+ name=.*?(>|$)", "", text).rstrip(".")
