"""A function of named parameters over a grid of their values: by workers, resumable, as an xarray dataset."""

from .sweep import sweep

__all__ = [
    "sweep",
]
