"""What is left out is listed with its cause, in a few words."""

import os
from pathlib import Path

import pytest

from diffmem.data.skipped import Skipped, check_some_read, listed, skipping, unreadable

FOLDER = Path("photos")
SOME = [Skipped(f"{k}.png", f"cause {k}") for k in range(1002)]


def test_a_value_error_joins_the_list_and_others_pass():
    found = []
    for name, sentence in (
        ("sub/a.png", "`path` must be readable, but a.png is not: image file is truncated."),
        ("b.gif", "`path` must hold images of one frame,\n but b.gif has 4."),
        ("c.png", "cannot identify image file <_io.BufferedReader name='/x/c.png'>"),
        (
            os.fsdecode(b"\xff.png"),
            os.fsdecode(b"`path` must be readable, but \xff.png is not: cannot <_io.X name='\xff"),
        ),
        ("d.png", ""),
    ):
        with skipping(found, FOLDER, FOLDER / name):
            if sentence:
                raise ValueError(sentence)
    assert found == [
        ("sub/a.png", "image file is truncated"),
        ("b.gif", "must hold images of one frame, but it has 4"),
        ("c.png", "cannot identify image file"),
        ("\\xff.png", "cannot"),
    ]
    with pytest.raises(OSError), skipping(found, FOLDER, FOLDER / "d.png"):
        raise OSError("disk")


def test_sentences():
    assert listed(SOME[:2]) == "0.png (cause 0), 1.png (cause 1)"
    assert unreadable([]) == ""
    assert unreadable(SOME[:1]) == "1 file could not be read and was left out: 0.png (cause 0)."
    many = unreadable(SOME)
    assert many.startswith("1,002 files could not be read and were left out: 0.png") and many.endswith("and 999 more.")
    check_some_read("train", "photos", 1, SOME)
    with pytest.raises(ValueError, match=r"`train` must hold an image that can be read, but photos has none; 0.png: "):
        check_some_read("train", "photos", 0, SOME)
