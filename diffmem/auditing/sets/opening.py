"""Opening the sets of an audit: arrays, .npy, arrays in .npz, folders of images; large ones stay on disk."""

import hashlib
import math
import os
import shutil
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...annotations import Points
from ...data import Dataset
from ...data.dataset import is_real
from ...data.pixels import Range
from ...data.reading.archives import LABEL_NAMES, POINT_NAMES
from ...data.reading.arrays import MAX_EXPANSION, SMALL_BYTES, readable
from ...progress import Progress
from ...tensors import read_tensor
from ...whole_files import as_text
from .picture_folders import read_pictures
from .point_set import PointSet, allocated, blocks, surveyed

Source = str | os.PathLike[str] | Dataset | Points
"""A path, a data set, an array, or a tensor of PyTorch."""

ROLES = ("samples", "train", "test")
LISTED = 8  # names of arrays in a message


class Reading(NamedTuple):
    """How the sets are read."""

    size: tuple[int, int] | None = None
    """Height and width to which images of folders are resized."""
    shape: tuple[int, ...] | None = None
    """Shape of one point where arrays hold them flat."""
    range: Range | None = None
    """The numbers of the training set, and of the held-out set, that stand for -1 and 1."""
    samples_range: Range | None = None
    """Those of the samples; `range` by default."""


def opened(source: Source, role: str, reading: Reading, store: Path, progress: Progress) -> PointSet:
    """One set, its rows on disk where they were on disk; rows with NaN or infinity and unreadable files are left out.

    `store` is a folder for the pixels of images and for arrays that have to be written out to be mapped: compressed
    ones, and those in Fortran's order or with foreign bytes.
    Raises ValueError, one sentence, for what cannot be read.
    """
    if isinstance(source, Dataset):
        found = _of_dataset(source, role)
    elif isinstance(source, (str, os.PathLike)):
        found = _of_path(os.fspath(source), role, reading, store, progress)
    else:
        values = np.asarray(read_tensor(source))
        found = PointSet(role, f"an array {values.shape} of {values.dtype}", values, values.shape[1:])
    if found.rows.dtype == np.bool_:
        found = found._replace(rows=found.rows.view(np.uint8))
    found = surveyed(found, store, hashed=not found.sha256)
    return _shaped(found, reading.shape)


def _of_dataset(dataset: Dataset, role: str) -> PointSet:
    return PointSet(
        role,
        dataset.name,
        dataset.events,
        dataset.event_shape,
        names=dataset.names,
        labels=dataset.labels,
        classes=dataset.classes,
        skipped=dataset.skipped,
        notes=dataset.notes,
    )


def _of_path(text: str, role: str, reading: Reading, store: Path, progress: Progress) -> PointSet:
    path, name = Path(text), None
    if not path.exists() and ".npz:" in text:
        text, _, name = text.rpartition(":")
        path = Path(text)
    if not path.exists():
        raise ValueError(f"`{role}` must be a file or folder that exists, but {text[:200]} does not.")
    if path.is_dir():
        return read_pictures(path, role, reading.size, store, progress)
    kind = path.suffix.lower()
    if kind not in (".npy", ".npz"):
        raise ValueError(f"`{role}` must be a .npy file, a .npz file or a folder of images, but is {path}.")
    progress(0, 1, f"reading {role}")
    if kind == ".npz":
        return _of_archive(path, name, role, store)
    rows = _mapped(path, role, store)
    return PointSet(role, as_text(text), rows, rows.shape[1:], _digest(path))


def _digest(path: Path) -> str:
    with readable(path.name), path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _mapped(path: Path, role: str, store: Path) -> np.ndarray:
    """The array of a .npy file, mapped into memory, once its header is known to be sound."""
    with readable(path.name, ValueError):
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
    if not is_real(rows.dtype) or rows.ndim < 2:
        return rows  # the survey says what is wrong
    if rows.flags.c_contiguous and rows.dtype.isnative:
        return rows
    plain = allocated(store / f"{role}.npy", rows.dtype.newbyteorder("="), rows.shape)
    for part in blocks(rows):
        plain[part] = rows[part]
    return plain


def _of_archive(path: Path, name: str | None, role: str, store: Path) -> PointSet:
    """An array of an .npz file, written out and mapped; with the labels beside it, if they are whole numbers.

    Its hash is that of the .npy file which the archive holds: other arrays of the archive have others.
    """
    with readable(path.name), zipfile.ZipFile(path) as archive:
        members = {one.filename.removesuffix(".npy"): one for one in archive.infolist() if not one.is_dir()}
        chosen = name if name is not None else _only(members, path, role)
        if chosen not in members:
            raise ValueError(
                f"`{role}` must name an array of {path.name}, which holds {_shown(members)}, but is {chosen!r}."
            )
        file = _extracted(archive, members[chosen], store / f"{role}-member.npy")
        rows, digest = _mapped(file, role, store), _digest(file)
        beside = [one for one in members if one.lower() in LABEL_NAMES and one != chosen]
        labels = _labels(archive, members[beside[0]], len(rows), store / f"{role}-labels.npy") if beside else None
    return PointSet(role, as_text(f"{path}:{chosen}"), rows, rows.shape[1:], digest, labels=labels)


def _only(members, path, role):
    candidates = [one for one in members if one.lower() in POINT_NAMES]
    candidates = candidates or [one for one in members if one.lower() not in LABEL_NAMES]
    if len(candidates) != 1:
        raise ValueError(
            f"`{role}` must say which array of {path.name} is meant, as in {path.name}:NAME, since it holds "
            f"{_shown(members)}."
        )
    return candidates[0]


def _shown(members):
    more = f" and {len(members) - LISTED} more" if len(members) > LISTED else ""
    return f"{', '.join(list(members)[:LISTED]) or 'none'}{more}"


def _extracted(archive, member, target: Path) -> Path:
    if member.file_size > max(SMALL_BYTES, MAX_EXPANSION * member.compress_size):
        raise ValueError(
            f"`path` must hold arrays that expand at most {MAX_EXPANSION} times, but {member.filename} grows from "
            f"{member.compress_size} to {member.file_size} bytes."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)  # who has mapped the file that was here keeps its numbers
    with archive.open(member) as stream, target.open("wb") as out:
        shutil.copyfileobj(stream, out, 2**24)
    return target


def _labels(archive, member, n, target):
    with readable(member.filename, ValueError):
        found = np.load(_extracted(archive, member, target), allow_pickle=False)
    return found.reshape(-1).astype(np.int64) if found.size == n and found.dtype.kind in "iub" else None


def check_used(reading: Reading, sources: list[Source], sets: list[PointSet]) -> None:
    """Raise ValueError for a size or a shape that none of the sets needs."""
    folders = [source for source in sources if isinstance(source, (str, os.PathLike)) and Path(source).is_dir()]
    if reading.size is not None and not folders:
        shown = ", ".join(one.source for one in sets)
        raise ValueError(f"`size` must be used with a folder of images, which it resizes, but the sets are {shown}.")
    if reading.shape is not None and all(one.event_shape != tuple(reading.shape) for one in sets):
        raise ValueError(
            f"`shape` must be used with an array that holds points flat, but is {reading.shape}, and those of "
            f"{sets[0].source} have shape {sets[0].event_shape}."
        )


def _shaped(points: PointSet, shape: tuple[int, ...] | None) -> PointSet:
    """Flat rows in the shape that was said; points that have one keep it, as images of folders do."""
    if shape is None or len(points.event_shape) > 1:
        return points
    if math.prod(shape) != points.d:
        raise ValueError(f"`shape` must hold {points.d} numbers, as one point of {points.source} does, but is {shape}.")
    return points._replace(rows=points.rows.reshape(points.n, *shape), event_shape=shape)
