"""Files that are there whole or not at all, and that show when they were changed afterwards.

Content is made in memory and written by one function, so that a full disk, a kill or Ctrl-C leaves the file that was
there before. A seal, or a digest in JSON, tells what this package wrote from what was damaged since.
"""

import hashlib
import json
import os
import secrets
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

DIGEST = "digest"  # the field of a JSON record that holds the digest of its other fields
SEAL = b"\nsha256 "  # followed by 64 hexadecimal digits and a line end, at the end of a file; readers of HDF5 ignore it
SEAL_BYTES = len(SEAL) + 64 + 1
READABLE = 50  # characters of a name in that of its temporary file: names have at most 255 bytes


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` in the place of the file, or of none; folders are made, and Ctrl-C waits until it is there.

    The one door through which results reach a disk. Raises OSError, which names the file, and leaves nothing behind.
    """
    with _beside(path, content) as partial:
        os.replace(partial, path)


def create_file(path: Path, content: bytes) -> bool:
    """Write a file that is not there yet, and say whether it was not: of several processes one alone writes it.

    Raises OSError as `replace_file`, also where the file is there already and its folder takes no further one.
    """
    with _beside(path, content) as partial:
        try:
            os.link(partial, path)
        except FileExistsError:
            return False
        except OSError:  # a file system without links
            if path.exists():
                return False
            os.replace(partial, path)
    return True


@contextmanager
def _beside(path: Path, content: bytes) -> Iterator[Path]:
    """A temporary file in the same folder, under a name that no other process takes; gone at the end of the block."""
    partial = path.with_name(f".{path.name[:READABLE]}.{secrets.token_hex(4)}.part")
    with uninterrupted():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(content)
            yield partial
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error
        finally:
            with suppress(OSError):
                partial.unlink()


def remove_partial(folder: Path, pattern: str) -> None:
    """Delete what killed processes left of files whose names match the pattern."""
    for path in folder.glob(f".{pattern}.*"):
        path.unlink(missing_ok=True)


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path with `~` at its start as the user's home: once, so that all see one folder."""
    return Path(os.path.expanduser(path))


def as_text(path: str | os.PathLike[str]) -> str:
    """The path as text that can be written to any file: bytes of a name that are no characters as `\\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def check_folder(name: str, folder: Path, *, writable: bool = True) -> None:
    """Raise ValueError, calling it `name`, unless it is a folder or can be made one, and, `writable`, takes files."""
    for part in (folder, *folder.parents):
        if part.is_symlink() and not part.exists():
            raise ValueError(
                f"`{name}` must be a folder, but {part} is a link to {os.readlink(part)}, which is not there."
            )
        if part.exists():
            if not part.is_dir():
                raise ValueError(f"`{name}` must be a folder, but {part} is a file.")
            if writable:
                _check_takes_files(name, part)
            return


def _check_takes_files(name: str, folder: Path) -> None:
    """Raise ValueError unless something can be made in a folder: permissions say nothing of /proc or of a full disk."""
    try:
        with uninterrupted():
            probe = folder / f".{secrets.token_hex(8)}.part"
            probe.mkdir()
            probe.rmdir()
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise ValueError(
            f"`{name}` must be a folder in which files can be made, but {folder} allows none: {cause}."
        ) from error


def sealed(content: bytes) -> bytes:
    """The content with its digest at the end."""
    return content + SEAL + hashlib.sha256(content).hexdigest().encode() + b"\n"


def read_sealed(path: Path) -> bytes:
    """The content of a file that was written sealed.

    Raises ValueError where a bit has changed since, and for what was not written sealed or is no regular file; OSError
    where it cannot be read.
    """
    if not path.is_file():
        raise ValueError(f"{path} is not a regular file.")
    with open(path, "rb") as file:
        length = file.seek(0, os.SEEK_END) - SEAL_BYTES
        file.seek(max(length, 0))
        if length < 0 or not file.read().startswith(SEAL):  # before a file of any size is read
            raise ValueError(f"{path} does not end with a seal.")
        file.seek(0)
        content = file.read(length)
        if sealed(content)[length:] != file.read():
            raise ValueError(f"{path} has changed since it was written.")
    return content


def with_digest(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record for JSON with the digest of its fields."""
    plain = {name: value for name, value in record.items() if name != DIGEST}
    return {**plain, DIGEST: hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()}


def read_record(path: Path) -> dict[str, Any] | None:
    """The fields of a JSON record that was written with its digest; None where there is none, or it has changed."""
    try:
        record = json.loads(path.read_bytes()) if path.is_file() else None
    except ValueError:
        return None
    if not isinstance(record, dict) or with_digest(record) != record:
        return None
    return {name: value for name, value in record.items() if name != DIGEST}


def as_json(record: Mapping[str, Any]) -> bytes:
    """A record as an indented JSON document; raises ValueError for infinity and NaN, which JSON does not have."""
    return (json.dumps(record, indent=1, allow_nan=False) + "\n").encode()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Delay Ctrl-C to the end of the block."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is None:
        yield
        return
    received = []
    signal.signal(signal.SIGINT, lambda *event: received.append(event))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if received:
            signal.raise_signal(signal.SIGINT)
