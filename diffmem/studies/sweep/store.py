"""Finished cells on disk: written whole or not at all, and read again only under equal settings."""

import json
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import xarray as xr

SETTINGS = "settings"
# what HDF5 and its readers raise on files that are cut off or overwritten
DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError)


class Store:
    """A folder with one NetCDF file for each finished cell, each carrying the settings it was made with.

    `pattern` matches the file names of the cells; `remedy` is the advice in the error for other settings. Only one
    process may write at a time. Raises ValueError where `folder` is a file.
    """

    def __init__(self, folder: str | os.PathLike[str], settings: dict[str, str | int], *, pattern: str, remedy: str):
        self.folder = Path(folder)
        self.settings = settings
        self.pattern = pattern
        self.remedy = remedy
        if any(part.exists() and not part.is_dir() for part in (self.folder, *self.folder.parents)):
            raise ValueError(f"`store` must be a folder, but {self.folder} is, or lies in, a file.")

    def path(self, name: str) -> Path:
        """The file of a cell."""
        return self.folder / f"{name}.nc"

    def clear(self) -> None:
        """Delete the cells, and nothing else."""
        for path in self.folder.glob(self.pattern):
            path.unlink()

    def check(self) -> None:
        """Raise ValueError, naming what differs, if the first cell that can be read was made with other settings."""
        for path in sorted(self.folder.glob(self.pattern)):
            try:
                with _uninterrupted(), xr.open_dataset(path, engine="h5netcdf") as cell:
                    stored = json.loads(cell.attrs[SETTINGS])
            except DAMAGE:
                continue
            return self._compare(stored)

    def read(
        self, name: str, label: str, take: Callable[[xr.Dataset], xr.Dataset | None] = lambda cell: cell
    ) -> xr.Dataset | None:
        """`take(cell)` of a finished cell; None where there is no file, `take` returns None, or the file is damaged.

        A file on which `take` fails counts as damaged. Of a damaged file a warning is given, with the label of the
        cell. Raises ValueError, naming what differs, for a cell made with other settings.
        """
        path = self.path(name)
        if not path.exists():
            return None
        try:
            with _uninterrupted():
                cell = xr.load_dataset(path, engine="h5netcdf")
            stored = dict(json.loads(cell.attrs.pop(SETTINGS)))
            taken = take(cell)
        except DAMAGE:
            warnings.warn(f"{path} is damaged: {label} is computed again.", stacklevel=2)
            return None
        self._compare(stored)
        return taken

    def write(self, name: str, cell: xr.Dataset) -> None:
        """Save a cell: to a temporary file that is renamed when complete."""
        save(cell.assign_attrs({SETTINGS: json.dumps(self.settings)}), self.path(name))

    def _compare(self, stored: dict[str, str | int]) -> None:
        here = self.settings
        differing = [name for name in here if stored.get(name) != here[name]]
        if differing:
            parts = ", ".join(f"{name} ({stored.get(name)} there, {here[name]} here)" for name in differing)
            raise ValueError(
                f"`store` must hold cells of the same settings, but those in {self.folder} differ in {parts}: "
                f"{self.remedy}."
            )


def save(dataset: xr.Dataset, path: Path) -> None:
    """Write a NetCDF file, by `written_whole`."""
    with written_whole(path) as partial:
        dataset.to_netcdf(partial, engine="h5netcdf")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path to write to, renamed to `path` at the end of the block; folders are made, Ctrl-C is delayed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with _uninterrupted():
        try:
            yield partial
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Delay Ctrl-C to the end of the block: a file that is interrupted while it opens warns when it is freed."""
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
