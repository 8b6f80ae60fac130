"""Finished cells on disk: written whole or not at all, read again only as they were written, under equal settings."""

import io
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import xarray as xr

from ...progress import printable
from ...whole_files import (
    as_json,
    check_folder,
    create_file,
    expanded,
    read_record,
    read_sealed,
    remove_partial,
    replace_file,
    sealed,
    uninterrupted,
    with_digest,
)

SETTINGS, IDENTITY = "settings", "cell"  # attributes of a stored cell: what it was made with, and which one it is
SETTINGS_FILE = "settings.json"
# what HDF5 and its readers raise on files that they cannot use
DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, MemoryError)


class Store:
    """A folder with one NetCDF file for each finished cell, sealed, each carrying its name and the settings.

    The settings are written first, to `settings.json`: of two runs with different ones in one folder, the second is
    refused. `pattern` matches the file names of the cells; `remedy` is the advice in the error for other settings.
    Raises ValueError where `folder` is a file or a link to nowhere.
    """

    def __init__(self, folder: str | os.PathLike[str], settings: dict[str, str | int], *, pattern: str, remedy: str):
        self.folder = expanded(folder)
        self.settings = settings
        self.pattern = pattern
        self.remedy = remedy
        check_folder("store", self.folder, writable=False)

    def path(self, name: str) -> Path:
        """The file of a cell."""
        return self.folder / f"{name}.nc"

    def clear(self) -> None:
        """Delete the cells, what killed processes left of them, and their settings; nothing else."""
        for path in self.folder.glob(self.pattern):
            path.unlink()
        for pattern in (self.pattern, SETTINGS_FILE):
            remove_partial(self.folder, pattern)
        (self.folder / SETTINGS_FILE).unlink(missing_ok=True)

    def check(self) -> None:
        """Raise ValueError, naming what differs, if the folder belongs to a run with other settings."""
        stored = read_record(self.folder / SETTINGS_FILE)
        if stored is not None:
            self._compare(stored)

    def begin(self) -> None:
        """Write the settings where there are none. Raises as `check`, and OSError where no file can be written."""
        path, content = self.folder / SETTINGS_FILE, as_json(with_digest(self.settings))
        if not create_file(path, content):
            self.check()
            if read_record(path) is None:
                replace_file(path, content)

    def end(self) -> None:
        """Leave no settings behind where there is no cell, so that a run that was stopped early binds no other."""
        if not any(self.folder.glob(self.pattern)):
            (self.folder / SETTINGS_FILE).unlink(missing_ok=True)

    def read(
        self, name: str, label: str, take: Callable[[xr.Dataset], xr.Dataset | None] = lambda cell: cell
    ) -> xr.Dataset | None:
        """`take(cell)` of a finished cell; None where there is no file, `take` returns None, or the file is damaged.

        Damaged is a file that is not as it was written, that was written for another cell, or on which `take` fails: a
        warning is given, with the label of the cell. Raises ValueError, naming what differs, for a cell made with other
        settings, and for a folder of its name.
        """
        path = self.path(name)
        if path.is_dir():
            raise ValueError(f"`store` must hold cells as files, but {path} is a folder.")
        if not os.path.lexists(path):
            return None
        try:
            cell, stored = self._opened(name)
            taken = take(cell)
        except DAMAGE:
            warnings.warn(printable(f"{path} is damaged: {label} is computed again."), stacklevel=2)
            return None
        self._compare(stored)
        return taken

    def _opened(self, name: str) -> tuple[xr.Dataset, dict[str, str | int]]:
        with uninterrupted():
            # without a lock, which a Dask client in this process would look for at the workers
            cell = xr.load_dataset(io.BytesIO(read_sealed(self.path(name))), engine="h5netcdf", lock=False)
        if cell.attrs.pop(IDENTITY) != name:
            raise ValueError("The file holds another cell than its name says.")
        return cell, dict(json.loads(cell.attrs.pop(SETTINGS)))

    def packed(self, name: str, cell: xr.Dataset) -> bytes:
        """The file of a cell; raises what xarray raises for a dataset that no NetCDF file can hold."""
        return sealed(netcdf(cell.assign_attrs({SETTINGS: json.dumps(self.settings), IDENTITY: name})))

    def write(self, name: str, packed: bytes) -> None:
        """Save a packed cell. Raises OSError, and ValueError where a run with other settings has taken the folder."""
        self.begin()
        replace_file(self.path(name), packed)

    def _compare(self, stored: dict[str, str | int]) -> None:
        here = self.settings
        differing = [name for name in here if stored.get(name) != here[name]]
        if differing:
            parts = ", ".join(f"{name} ({stored.get(name)} there, {here[name]} here)" for name in differing)
            raise ValueError(
                f"`store` must hold cells of the same settings, but those in {self.folder} differ in {parts}: "
                f"{self.remedy}."
            )


def netcdf(dataset: xr.Dataset) -> bytes:
    """A dataset as the content of a NetCDF file, made in memory: HDF5 never meets a full disk."""
    with uninterrupted():  # a file that is interrupted while it opens warns when it is freed
        content = io.BytesIO()
        # by hand, since `to_netcdf` would ask a Dask client in this process for a lock
        file = xr.backends.H5NetCDFStore.open(content, mode="w", lock=False)
        try:
            dataset.dump_to_store(file)
        finally:
            file.close()
        return content.getvalue()
