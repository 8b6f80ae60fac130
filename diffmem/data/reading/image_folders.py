"""Folders of images read as untrusted input: their number and sizes are known before pixels are decoded."""

import os
import re
import warnings
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..dataset import Dataset
from ..pixels import KEPT, Range, from_range, range_note, range_of
from .arrays import MAX_BYTES, readable
from .image_files import read_pixels

MAX_FILES = 1_000_000
SUFFIXES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".bmp", ".gif", ".tif", ".tiff", ".webp"),
    *(".pbm", ".pgm", ".ppm", ".pnm"),
)
COMPANIONS = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r"}  # of file managers, beside dot files
LISTED = 5  # names of skipped entries in a note


class Entries(NamedTuple):
    """What lies directly in a folder, in natural order, without hidden files and those of file managers."""

    images: list[Path]
    folders: list[Path]
    others: list[Path]


def read_images(folder: Path, ends: Range | None = None) -> Dataset:
    """The images directly in a folder, or in its subfolders, which are then classes; `ends` is the range of pixels."""
    files, labels, classes, skipped = _chosen(folder)
    first = read_pixels(files[0])
    if len(files) * first.size * 4 > MAX_BYTES:
        raise ValueError(
            f"`path` must hold at most {MAX_BYTES} bytes of points, but {folder} has {len(files)} of {first.shape}."
        )
    pixels = np.empty((len(files), *first.shape), first.dtype)
    for k, file in enumerate(files):
        image = read_pixels(file)
        if (image.shape, image.dtype) != (first.shape, first.dtype):
            raise ValueError(
                f"`path` must hold images of one size and kind, but {files[0].name} has shape {first.shape} of "
                f"{first.dtype} and {file.name} has {image.shape} of {image.dtype}."
            )
        pixels[k] = image
    source = range_of(pixels) if ends is None else ends
    return Dataset(
        from_range(pixels, source),
        labels,
        value_range=None if source == KEPT else (-1.0, 1.0),
        name=folder.resolve().name,
        names=tuple(file.relative_to(folder).as_posix() for file in files),
        classes=classes,
        source_range=source,
        notes=(range_note(source, ends is not None), *_skipped_note(folder, skipped)),
    )


def natural_order(path: Path) -> tuple:
    """A key that sorts names as people count: 2 before 10."""
    parts = re.split(r"(\d+)", path.name)
    return [int(part) if k % 2 else part for k, part in enumerate(parts)], path.name


def _chosen(folder: Path) -> tuple[list[Path], np.ndarray | None, tuple[str, ...] | None, list[Path]]:
    """The images of a folder with labels and classes, if its subfolders are classes, and what is left out."""
    here = _entries(folder)
    if here.images:
        return here.images, None, None, [*here.folders, *here.others]
    found = {sub: _entries(sub) for sub in here.folders}
    classes = {sub: entries for sub, entries in found.items() if entries.images}
    files = [file for entries in classes.values() for file in entries.images]
    if not files:
        raise ValueError(f"`path` must be a folder with images in it or in its subfolders, but {folder} has none.")
    if len(files) > MAX_FILES:
        raise ValueError(f"`path` must hold at most {MAX_FILES} files, but {folder} has more.")
    labels = np.repeat(np.arange(len(classes)), [len(entries.images) for entries in classes.values()])
    skipped = [entry for entries in classes.values() for entry in (*entries.folders, *entries.others)]
    skipped = [*here.others, *(sub for sub in found if sub not in classes), *skipped]
    return files, labels, tuple(sub.name for sub in classes), skipped


def _entries(folder: Path) -> Entries:
    with readable(folder.name), os.scandir(folder) as entries:
        listed = list(islice((Path(entry) for entry in entries), MAX_FILES + 1))
    if len(listed) > MAX_FILES:
        raise ValueError(f"`path` must hold at most {MAX_FILES} files, but {folder} has more.")
    seen = [path for path in listed if not path.name.startswith(".") and path.name.lower() not in COMPANIONS]
    seen.sort(key=natural_order)
    images = [path for path in seen if path.suffix.lower() in SUFFIXES and path.is_file()]
    folders = [path for path in seen if path.is_dir()]
    return Entries(images, folders, sorted({*seen} - {*images, *folders}, key=natural_order))


def _skipped_note(folder: Path, skipped: list[Path]) -> list[str]:
    """One sentence, which is also a warning, if something was left out."""
    if not skipped:
        return []
    names = [path.relative_to(folder).as_posix() for path in skipped]
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    note = f"Left out, as they are no images of {folder.name}: {', '.join(names[:LISTED])}{more}."
    warnings.warn(note, stacklevel=5)
    return [note]
