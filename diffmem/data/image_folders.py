"""Folders of images read as untrusted input: every size is known before a pixel is decoded."""

import os
import warnings
from itertools import islice
from pathlib import Path

import numpy as np

from .arrays import MAX_BYTES, readable
from .dataset import Dataset
from .real import from_pixels

MAX_FILES = 1_000_000
MAX_PIXELS = 2**24  # 4096 x 4096
FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "PPM")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pbm", ".pgm", ".ppm", ".pnm")


def read_images(folder: Path) -> Dataset:
    """The images directly in a folder, in the order of their names."""
    files = _image_files(folder)
    first = _read_pixels(files[0])
    if len(files) * first.size * 4 > MAX_BYTES:
        raise ValueError(
            f"`path` must hold at most {MAX_BYTES} bytes of points, but {folder} has {len(files)} of {first.shape}."
        )
    pixels = np.empty((len(files), *first.shape), np.uint8)
    for k, file in enumerate(files):
        image = _read_pixels(file)
        if image.shape != first.shape:
            raise ValueError(
                f"`path` must hold images of one size and kind, but {files[0].name} has shape {first.shape} "
                f"and {file.name} has {image.shape}."
            )
        pixels[k] = image
    return Dataset(from_pixels(pixels), value_range=(-1.0, 1.0), name=folder.resolve().name)


def _image_files(folder: Path) -> list[Path]:
    with readable(folder.name), os.scandir(folder) as entries:
        listed = list(islice((Path(entry) for entry in entries), MAX_FILES + 1))
    if len(listed) > MAX_FILES:
        raise ValueError(f"`path` must hold at most {MAX_FILES} files, but {folder} has more.")
    files = sorted(file for file in listed if file.suffix.lower() in SUFFIXES and file.is_file())
    if not files:
        raise ValueError(f"`path` must be a folder with images directly in it, but {folder} has none.")
    return files


def _read_pixels(file: Path) -> np.ndarray:
    from PIL import Image

    # pillow's plugins answer damage with whatever their parsers met
    with warnings.catch_warnings(), readable(file.name, Exception):
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image = Image.open(file, formats=FORMATS)
    with image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(
                f"`path` must hold images of at most {MAX_PIXELS} pixels, "
                f"but {file.name} claims {image.width} x {image.height}."
            )
        with readable(file.name, Exception):
            image.load()
        return np.asarray(_grey_or_colour(image, file.name))


def _grey_or_colour(image, name: str):
    """The image in mode L or RGB; other modes are converted only where no information is lost."""
    opaque = image.mode in ("LA", "RGBA") and image.getextrema()[-1] == (255, 255)
    modes = {"L": "L", "1": "L", "RGB": "RGB"} | ({"LA": "L", "RGBA": "RGB"} if opaque else {})
    if image.mode == "P" and "transparency" not in image.info:
        modes["P"] = "RGB"
    if image.mode not in modes:
        raise ValueError(
            f"`path` must hold 8-bit grey or colour images without transparency, but {name} has mode {image.mode}."
        )
    return image.convert(modes[image.mode])
