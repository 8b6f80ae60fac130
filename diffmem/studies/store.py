"""Finished cells on disk: written whole or not at all, and read again only under the settings they were made with."""

import json
import os
import warnings
from pathlib import Path

import numpy as np
import xarray as xr
from jaxtyping import Float

from .variables import MEASURED

PATTERN = "n*_d*.nc"
SETTINGS = "settings"
# what HDF5 and its readers raise on files that are cut off or overwritten
DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError)


class Store:
    """A folder with one NetCDF file for each finished cell (n, d), each carrying the settings it was made with.

    Raises ValueError where `folder` is a file.
    """

    def __init__(self, folder: str | os.PathLike[str], settings: dict[str, str | int]):
        self.folder = Path(folder)
        self.settings = settings
        if any(part.exists() and not part.is_dir() for part in (self.folder, *self.folder.parents)):
            raise ValueError(f"`store` must be a folder, but {self.folder} is, or lies in, a file.")

    def path(self, n: int, d: int) -> Path:
        """The file of a cell."""
        return self.folder / f"n{n}_d{d}.nc"

    def clear(self) -> None:
        """Delete the cells, and nothing else."""
        for path in self.folder.glob(PATTERN):
            path.unlink()

    def read(self, n: int, d: int, times: Float[np.ndarray, "nodes"]) -> xr.Dataset | None:
        """A finished cell on these times, or None where there is none: no file, other times, a damaged file (with a
        warning).

        Raises ValueError, naming what differs, for a cell made with other settings.
        """
        path = self.path(n, d)
        if not path.exists():
            return None
        try:
            cell = xr.load_dataset(path, engine="h5netcdf")[list(MEASURED)]
            stored = json.loads(cell.attrs.pop(SETTINGS))
            known = np.isin(times, cell.t.values).all()
            differing = [name for name in self.settings if stored[name] != self.settings[name]]
        except DAMAGE:
            warnings.warn(f"{path} is damaged: n = {n}, d = {d} is computed again.", stacklevel=2)
            return None
        if differing:
            parts = ", ".join(f"{name} ({stored[name]} there, {self.settings[name]} here)" for name in differing)
            raise ValueError(
                f"`store` must hold cells of the same settings, but those in {self.folder} differ in {parts}: choose "
                "another folder (--out) or start afresh (--fresh)."
            )
        return cell.sel(t=times) if known else None

    def write(self, n: int, d: int, cell: xr.Dataset) -> None:
        """Save a cell: to a temporary file that is renamed when complete."""
        save(cell.assign_attrs({SETTINGS: json.dumps(self.settings)}), self.path(n, d))


def save(dataset: xr.Dataset, path: Path) -> None:
    """Write a NetCDF file that appears under its name only when it is complete; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        dataset.to_netcdf(partial, engine="h5netcdf")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
