"""Folders of images read as untrusted input: their number and sizes are known before pixels are decoded."""

import os
import re
import warnings
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...whole_files import as_text
from ..dataset import Dataset
from ..pixels import KEPT, Range, from_range, range_note, range_of
from ..skipped import Skipped, check_some_read, name_in, skipping, unreadable
from .arrays import MAX_BYTES, readable
from .image_files import read_pixels

MAX_FILES = 1_000_000
SUFFIXES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".bmp", ".gif", ".tif", ".tiff", ".webp"),
    *(".pbm", ".pgm", ".ppm", ".pnm"),
)
COMPANIONS = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r"}  # of file managers, beside dot files
LISTED = 5  # names of entries that are no images, in a note


class Entries(NamedTuple):
    """What lies directly in a folder, in natural order, without hidden files and those of file managers."""

    images: list[Path]
    folders: list[Path]
    others: list[Path]


def read_images(folder: Path, ends: Range | None = None) -> Dataset:
    """The images directly in a folder, or in its subfolders, which are then classes; `ends` is the range of pixels.

    Files that cannot be read are left out, with a warning, and listed with their causes in `skipped` and in the notes.
    """
    files, labels, classes, others = _chosen(folder)
    pixels, kept, skipped = _decoded(folder, files)
    source = range_of(pixels) if ends is None else ends
    told = [unreadable(skipped), others_note(folder, others)]
    for note in filter(None, told):
        warnings.warn(note, stacklevel=3)
    return Dataset(
        from_range(pixels, source),
        None if labels is None else labels[kept],
        value_range=None if source == KEPT else (-1.0, 1.0),
        name=as_text(folder.resolve().name),
        names=tuple(name_in(folder, files[k]) for k in kept),
        classes=classes,
        source_range=source,
        notes=(range_note(source, ends is not None), *filter(None, told)),
        skipped=tuple(skipped),
    )


def _decoded(folder: Path, files: list[Path]) -> tuple[np.ndarray, list[int], list[Skipped]]:
    """The pixels of the images that can be read, their positions in `files`, and the others with their causes."""
    pixels, kept, skipped = np.empty(0), [], []
    for k, image in _read_each(folder, files, skipped):
        if not kept:
            pixels = _room(folder, len(files), image)
        if (image.shape, image.dtype) != (pixels.shape[1:], pixels.dtype):
            raise ValueError(
                f"`path` must hold images of one size and kind, but {files[kept[0]].name} has shape {pixels.shape[1:]} "
                f"of {pixels.dtype} and {files[k].name} has {image.shape} of {image.dtype}."
            )
        pixels[len(kept)] = image
        kept.append(k)
    check_some_read("path", folder, len(kept), skipped)
    return pixels[: len(kept)], kept, skipped


def _read_each(folder: Path, files: list[Path], skipped: list[Skipped]) -> Iterator[tuple[int, np.ndarray]]:
    for k, file in enumerate(files):
        image = None
        with skipping(skipped, folder, file):
            image = read_pixels(file)
        if image is not None:
            yield k, image


def _room(folder: Path, count: int, first: np.ndarray) -> np.ndarray:
    """An array for so many images like the first; raises ValueError where they are too large together."""
    if count * first.size * 4 > MAX_BYTES:
        raise ValueError(
            f"`path` must hold at most {MAX_BYTES} bytes of points, but {folder} has {count} of {first.shape}."
        )
    return np.empty((count, *first.shape), first.dtype)


def natural_order(path: Path) -> tuple:
    """A key that sorts names as people count: 2 before 10."""
    parts = re.split(r"(\d+)", path.name)
    return [int(part) if k % 2 else part for k, part in enumerate(parts)], path.name


def _chosen(folder: Path) -> tuple[list[Path], np.ndarray | None, tuple[str, ...] | None, list[Path]]:
    """The images of a folder with labels and classes, if its subfolders are classes, and what is no image."""
    here = entries_in(folder)
    if here.images:
        return here.images, None, None, [*here.folders, *here.others]
    found = {sub: entries_in(sub) for sub in here.folders}
    classes = {sub: entries for sub, entries in found.items() if entries.images}
    files = [file for entries in classes.values() for file in entries.images]
    if not files:
        raise ValueError(f"`path` must be a folder with images in it or in its subfolders, but {folder} has none.")
    if len(files) > MAX_FILES:
        raise ValueError(f"`path` must hold at most {MAX_FILES} files, but {folder} has more.")
    labels = np.repeat(np.arange(len(classes)), [len(entries.images) for entries in classes.values()])
    others = [entry for entries in classes.values() for entry in (*entries.folders, *entries.others)]
    others = [*here.others, *(sub for sub in found if sub not in classes), *others]
    return files, labels, tuple(as_text(sub.name) for sub in classes), others


def entries_below(folder: Path) -> Iterator[Entries]:
    """What lies in a folder, then in each folder below it, also where links lead to them.

    Links that lead back to a folder in which they lie are not followed, and stand among the `others`.
    """
    left: list[tuple[Path, frozenset]] = [(folder, frozenset())]
    while left:
        place, around = left.pop()
        around |= {_identity(place)}
        here = entries_in(place)
        loops = [sub for sub in here.folders if _identity(sub) in around]
        left += [(sub, around) for sub in reversed(here.folders) if sub not in loops]
        yield here._replace(others=sorted((*here.others, *loops), key=natural_order))


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def entries_in(folder: Path) -> Entries:
    """What lies directly in a folder."""
    with readable(folder.name), os.scandir(folder) as entries:
        listed = list(islice((Path(entry) for entry in entries), MAX_FILES + 1))
    if len(listed) > MAX_FILES:
        raise ValueError(f"`path` must hold at most {MAX_FILES} files, but {folder} has more.")
    seen = [path for path in listed if not path.name.startswith(".") and path.name.lower() not in COMPANIONS]
    seen.sort(key=natural_order)
    named = [path for path in seen if path.suffix.lower() in SUFFIXES]
    images = [path for path in named if path.is_file() or not path.exists()]  # a link to nowhere is told as unreadable
    folders = [path for path in seen if path.is_dir()]
    return Entries(images, folders, sorted({*seen} - {*images, *folders}, key=natural_order))


def others_note(folder: Path, others: list[Path]) -> str:
    """One sentence about entries that are no images; empty where there are none."""
    if not others:
        return ""
    names = [name_in(folder, path) for path in others]
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"Left out, as they are no images of {as_text(folder.name)}: {', '.join(names[:LISTED])}{more}."
