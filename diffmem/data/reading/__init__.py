"""Readers of files that nobody vouches for: arrays, archives of arrays, images."""

from .archives import Labelled, read_npz
from .arrays import read_npy
from .image_folders import read_images

__all__ = ["Labelled", "read_images", "read_npy", "read_npz"]
