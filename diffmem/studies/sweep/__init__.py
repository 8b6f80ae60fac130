"""A function of named parameters over a grid of their values: in parallel, resumable, as an xarray dataset."""

from .sweep import sweep

__all__ = ["sweep"]
