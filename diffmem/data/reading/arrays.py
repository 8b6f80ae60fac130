"""NumPy arrays read as untrusted input: sizes in a header are checked before memory is taken."""

import io
import lzma
import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ...checks import is_real

MAX_BYTES = 2**32  # 4 GiB, in the file's precision or in float32, whichever is larger
HEADER_BYTES = 2**14  # NumPy refuses headers above 10,000 characters, but only after it has read them
MAX_EXPANSION = 200  # ratio above which a large archive member is refused as a zip bomb; DEFLATE reaches 1,032
SMALL_BYTES = 2**26  # 64 MiB; smaller members may have any ratio


def read_npy(path: Path) -> np.ndarray:
    """The array in a .npy file."""
    with readable(path.name), path.open("rb") as stream:
        return read_array(stream, path.stat().st_size, path.name)


def read_array(stream: io.BufferedIOBase, size: int, name: str, texts: bool = False) -> np.ndarray:
    """The .npy array in a seekable stream of `size` bytes, once its header shows real numbers within MAX_BYTES.

    With `texts` it may hold texts of fixed length, too.
    """
    shape, dtype, start = read_header(stream, name)
    if not (is_real(dtype) or (texts and dtype.kind in "US")):
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


def read_header(stream: io.BufferedIOBase, name: str) -> tuple[tuple[int, ...], np.dtype, int]:
    """Shape and dtype of the .npy array at the start of a stream, and where its numbers begin."""
    head = io.BytesIO(stream.read(HEADER_BYTES))
    # the parser evaluates literals: hostile ones raise errors of the tokenizer, of syntax, of types, of memory
    with readable(name, Exception):
        version = np.lib.format.read_magic(head)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(head)
        else:  # version 3 exists for structured arrays only, which this parser refuses
            shape, _, dtype = np.lib.format.read_array_header_2_0(head)
    return shape, dtype, head.tell()


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: str, texts: bool = False) -> np.ndarray:
    """The .npy array in a member of an archive, unless it is a zip bomb."""
    name = f"{member.filename} in {file}"
    if member.file_size > max(SMALL_BYTES, MAX_EXPANSION * member.compress_size):
        raise ValueError(
            f"`path` must hold arrays that expand at most {MAX_EXPANSION} times, "
            f"but {name} grows from {member.compress_size} to {member.file_size} bytes."
        )
    with archive.open(member) as stream:
        return read_array(stream, member.file_size, name, texts)


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
