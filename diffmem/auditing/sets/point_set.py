"""The sets of an audit: rows that stay where they are, on disk or in memory, and are read a block at a time."""

import hashlib
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Real

from ...data.dataset import is_real
from ...data.pixels import Range, from_range
from ...data.skipped import Skipped
from ...representation import one_line

BLOCK_NUMBERS = 2**25  # in a block of rows: 128 MB in single precision
LARGEST = float(np.finfo(np.float32).max)  # beyond it sums of squares overflow also in double precision
SAMPLE_NUMBERS = 2**22  # in some rows that are looked at in double precision: 32 MB


class PointSet(NamedTuple):
    """A set of points with where it comes from; `block` gives its numbers as they are compared."""

    role: str
    """samples, train or test."""
    source: str
    """The path, or what kind of array it was."""
    rows: Real[np.ndarray, "n *event"]
    """The numbers as they are stored: an array in memory, or one that is mapped from a file."""
    event_shape: tuple[int, ...]
    """Shape of one point as it is compared: images have their channels last."""
    sha256: str = ""
    """Of the .npy file, also of one in an archive; of names and files of a folder; of the numbers of an array."""
    names: tuple[str, ...] | None = None
    """The file of each row, for folders."""
    labels: np.ndarray | None = None
    """An integer for each row, or None."""
    classes: tuple[str, ...] | None = None
    """What the labels stand for, or None."""
    skipped: tuple[Skipped, ...] = ()
    """Files and rows that were left out."""
    numbers: np.ndarray | None = None
    """Positions of the rows in the source where some were left out."""
    ends: Range | None = None
    """The numbers that stand for -1 and 1; None where numbers are kept."""
    extremes: Range = (0.0, 0.0)
    """The least and the largest number as stored."""
    mapped: bool = False
    """Whether `block` brings numbers from `ends` to -1 and 1."""
    channels_first: bool = False
    """Whether the rows hold (c, h, w), and `block` gives (h, w, c)."""
    grey: bool = False
    """Whether the rows hold one channel, and `block` repeats it for each of `event_shape`."""
    notes: tuple[str, ...] = ()
    """What was done, in sentences."""

    __repr__ = one_line

    @property
    def n(self) -> int:
        """Number of points."""
        return len(self.rows)

    @property
    def d(self) -> int:
        """Numbers in one point as it is compared."""
        return math.prod(self.event_shape)

    @property
    def flat(self) -> Real[np.ndarray, "n d"]:
        """The rows as stored, flat: no copy."""
        return self.rows.reshape(self.n, -1)

    @property
    def is_stored_so(self) -> bool:
        """Whether `block` gives the numbers as they are stored, without a copy."""
        return not (self.mapped or self.channels_first or self.grey)

    @property
    def block_rows(self) -> int:
        """Rows of a block: a multiple of 2048 where so many fit."""
        fitting = max(64, BLOCK_NUMBERS // self.d)
        return fitting if fitting < 2048 else fitting // 2048 * 2048

    def block(self, index: slice | np.ndarray) -> Real[np.ndarray, "m d"]:
        """Some rows, flat, as they are compared: a view where nothing has to be done to them."""
        part = self.rows[index]
        if self.mapped and self.ends is not None:
            part = from_range(part, self.ends)
        if self.channels_first:
            part = np.moveaxis(part, 1, -1)
        if self.grey:
            part = np.repeat(part[..., None], self.event_shape[-1], axis=-1)
        return part.reshape(len(part), self.d)

    def events(self, index: slice | np.ndarray) -> Real[np.ndarray, "m *event"]:
        """Some rows in their shape, as they are compared."""
        return self.block(index).reshape(-1, *self.event_shape)

    def name_of(self, row: int | np.integer) -> str:
        """The file of a row, or its position in the source."""
        return self.names[row] if self.names is not None else str(self.position(row))

    def position(self, row: int | np.integer) -> int:
        """Position of a row in the source, counted from 0."""
        return int(row if self.numbers is None else self.numbers[row])


def fitting(most: int, d: int, least: int = 1) -> int:
    """How many rows of so many numbers are looked at at once, so that large images do not fill the memory."""
    return max(least, min(most, SAMPLE_NUMBERS // d))


def blocks(rows: np.ndarray) -> Iterator[slice]:
    """Slices of rows that hold about `BLOCK_NUMBERS` numbers each."""
    stride = max(1, BLOCK_NUMBERS // max(1, math.prod(rows.shape[1:])))
    return (slice(start, min(start + stride, len(rows))) for start in range(0, len(rows), stride))


def allocated(path: Path, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """A new .npy file, mapped into memory, whose place on the disk is taken now.

    Raises OSError where there is none; a file with holes would end the process when they are filled.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # who has mapped the file that was here keeps its numbers
    rows = np.lib.format.open_memmap(path, "w+", dtype, shape)
    if sys.platform == "linux":
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, os.fstat(file.fileno()).st_size))
    return rows


def surveyed(points: PointSet, store: Path, *, hashed: bool = False) -> PointSet:
    """The set without rows that hold NaN or infinity, which are listed, and with its extremes: one pass.

    With `hashed` the SHA-256 of the numbers, too. What is left of a file is written to `store`. Raises ValueError
    unless a row is left, and for numbers that are not real.
    """
    check_real(points)
    digest = hashlib.sha256(f"{points.rows.dtype.str}{points.rows.shape}".encode())
    finite, least, most = [], np.inf, -np.inf
    for part in blocks(points.rows):
        values = points.flat[part]
        if hashed:
            digest.update(np.ascontiguousarray(values).data)
        low, high = float(values.min()), float(values.max())
        whole = np.isfinite(low) and np.isfinite(high)
        fine = np.ones(len(values), bool) if whole else np.isfinite(values).all(axis=1)
        finite.append(fine)
        if not whole and fine.any():
            low, high = float(values[fine].min()), float(values[fine].max())
        if fine.any():
            least, most = min(least, low), max(most, high)
    if max(-least, most) > LARGEST and np.isfinite(least):
        raise ValueError(
            f"`{points.role}` must hold numbers of at most {LARGEST:.3g} in size, the largest of single precision, but "
            f"those of {points.source} run from {least:.3g} to {most:.3g}."
        )
    points = points._replace(extremes=(least, most), sha256=digest.hexdigest() if hashed else points.sha256)
    kept = np.concatenate(finite)
    return points if kept.all() else _without(points, kept, store)


def check_real(points: PointSet) -> None:
    """Raise ValueError unless the set holds a point and its numbers are real."""
    if points.rows.ndim < 2 or 0 in points.rows.shape:
        raise ValueError(
            f"`{points.role}` must have shape (n, d) or (n, *event) and hold a point, "
            f"but {points.source} has shape {points.rows.shape}."
        )
    if not is_real(points.rows.dtype):
        raise ValueError(f"`{points.role}` must hold real numbers, but {points.source} has dtype {points.rows.dtype}.")


def _without(points: PointSet, kept: np.ndarray, store: Path) -> PointSet:
    if not kept.any():
        raise ValueError(f"`{points.role}` must hold a finite point, but all of {points.source} have NaN or infinity.")
    bad = [Skipped(points.name_of(row), "holds NaN or infinite numbers") for row in np.flatnonzero(~kept)]
    numbers = np.flatnonzero(kept) if points.numbers is None else points.numbers[kept]
    return points._replace(
        rows=_rows_at(points, np.flatnonzero(kept), store),
        names=None if points.names is None else tuple(np.asarray(points.names, object)[kept].tolist()),
        labels=None if points.labels is None else points.labels[kept],
        numbers=numbers,
        skipped=(*points.skipped, *bad),
    )


def _rows_at(points: PointSet, index: np.ndarray, store: Path) -> np.ndarray:
    """Some rows: in memory where they are there already, else in a file."""
    if type(points.rows) is not np.memmap:
        return points.rows[index]
    found = allocated(store / f"{points.role}-finite.npy", points.rows.dtype, (len(index), *points.rows.shape[1:]))
    for part in blocks(found):
        found[part] = points.rows[index[part]]
    return found
