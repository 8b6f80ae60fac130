"""NumPy files read as untrusted input: sizes in a header are checked before memory is taken."""

import io
import lzma
import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..checks import is_real
from .dataset import Dataset
from .real import from_pixels

MAX_BYTES = 2**32  # 4 GiB, in the file's precision or in float32, whichever is larger
HEADER_BYTES = 2**14  # NumPy refuses headers above 10,000 characters, but only after it has read them
MAX_EXPANSION = 200  # ratio above which a large archive member is refused as a zip bomb; DEFLATE reaches 1,032
SMALL_BYTES = 2**26  # 64 MiB; smaller members may have any ratio
POINT_NAMES = ("points", "x", "data", "images")
LABEL_NAMES = ("labels", "y")


def read_npy(path: Path) -> Dataset:
    """The points in a .npy file."""
    with readable(path.name), path.open("rb") as stream:
        points = read_array(stream, path.stat().st_size, path.name)
    return _dataset(points, None, path)


def read_npz(path: Path) -> Dataset:
    """The points, and the labels if there are any, in a .npz file."""
    with readable(path.name), zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
        names = [member.filename.removesuffix(".npy") for member in members]
        points, labels = _choose(names, path.name)
        arrays = [_read_member(archive, members[k], path.name) for k in (points, *labels)]
    return _dataset(arrays[0], arrays[1] if labels else None, path)


def read_array(stream: io.BufferedIOBase, size: int, name: str) -> np.ndarray:
    """The .npy array in a seekable stream of `size` bytes, once its header shows real numbers within MAX_BYTES."""
    shape, dtype, start = _read_header(stream, name)
    if not is_real(dtype):
        raise ValueError(f"`path` must hold real numbers, as nothing is unpickled, but {name} has dtype {dtype}.")
    count = math.prod(shape)
    if min(shape, default=1) < 0 or count * max(dtype.itemsize, 4) > MAX_BYTES:
        raise ValueError(
            f"`path` must hold at most {MAX_BYTES} bytes of points, but {name} has shape {shape} of {dtype}."
        )
    if start + count * dtype.itemsize > size:
        raise ValueError(f"`path` must hold a whole array, but {name} ends before its shape {shape} is filled.")
    stream.seek(0)
    with readable(name, ValueError):
        return np.lib.format.read_array(stream, allow_pickle=False)


def _read_header(stream: io.BufferedIOBase, name: str) -> tuple[tuple[int, ...], np.dtype, int]:
    head = io.BytesIO(stream.read(HEADER_BYTES))
    # the parser evaluates literals: hostile ones raise errors of the tokenizer, of syntax, of types, of memory
    with readable(name, Exception):
        version = np.lib.format.read_magic(head)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(head)
        else:  # version 3 exists for structured arrays only, which this parser refuses
            shape, _, dtype = np.lib.format.read_array_header_2_0(head)
    return shape, dtype, head.tell()


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: str) -> np.ndarray:
    name = f"{member.filename} in {file}"
    if member.file_size > max(SMALL_BYTES, MAX_EXPANSION * member.compress_size):
        raise ValueError(
            f"`path` must hold arrays that expand at most {MAX_EXPANSION} times, "
            f"but {name} grows from {member.compress_size} to {member.file_size} bytes."
        )
    with archive.open(member) as stream:
        return read_array(stream, member.file_size, name)


def _choose(names: list[str], file: str) -> tuple[int, list[int]]:
    lower = [name.lower() for name in names]
    known = [k for k, name in enumerate(lower) if name in POINT_NAMES]
    labels = [k for k, name in enumerate(lower) if name in LABEL_NAMES]
    points = known or sorted({*range(len(names))} - {*labels})
    if len(points) != 1 or len(labels) > 1:
        held = ", ".join(names[:8]) or "none"
        raise ValueError(
            f"`path` must hold one array, or one called {', '.join(POINT_NAMES)}, and at most one of labels, "
            f"but {file} holds {len(names)}: {held}."
        )
    return points[0], labels


def _dataset(points: np.ndarray, labels: np.ndarray | None, path: Path) -> Dataset:
    if points.dtype != np.uint8:
        return Dataset(points, labels, name=path.stem)
    return Dataset(from_pixels(points), labels, value_range=(-1.0, 1.0), name=path.stem)


# RuntimeError: encrypted archives; NotImplementedError, a RuntimeError: unknown compression
DAMAGE = (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)
REASON_LENGTH = 200  # characters; parsers quote what they could not read


@contextmanager
def readable(name: str, *also: type[Exception]) -> Iterator[None]:
    """Turn what readers raise on damaged input, and the exceptions in `also`, into a ValueError that names the file."""
    try:
        yield
    except (*DAMAGE, *also) as error:
        reason = " ".join(str(error).split())[:REASON_LENGTH] or type(error).__name__
        raise ValueError(f"`path` must be readable, but {name} is not: {reason.rstrip('.')}.") from error
